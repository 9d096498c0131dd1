"""Tests of the search for common points."""
