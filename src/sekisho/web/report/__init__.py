"""The trace report: one self-contained page."""
