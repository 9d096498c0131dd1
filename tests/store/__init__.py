"""Tests of the state store, each on both databases."""
