"""Tests of the search for stored card data."""
