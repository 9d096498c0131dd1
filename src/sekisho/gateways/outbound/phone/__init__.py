"""Calls as a list with a script."""
