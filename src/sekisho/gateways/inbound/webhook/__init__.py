"""Delivery reports that come in by a signed webhook."""
