"""The page of a search for stored card data."""

from sekisho.web.discovery.page import render_discovery

__all__ = ["render_discovery"]
