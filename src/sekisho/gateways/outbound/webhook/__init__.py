"""SMS and app push by a signed webhook."""
