"""Policies that Sekisho comes with."""
