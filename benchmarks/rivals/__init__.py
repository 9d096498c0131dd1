"""Other ways of looking for the common point, tried on the same histories."""
