"""Sekisho: find where card data leaked, protect every exposed card, get each holder told."""

__version__ = "0.1.0"
