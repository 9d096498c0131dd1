"""Numbers from arrays: no clock, no file, no connection."""
