"""Decide an authorization: features, models, policy. No file, no clock, no connection."""
