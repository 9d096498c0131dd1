"""The doors: one folder per kind, inbound and outbound."""
