"""Letters as PDF/A, for window envelopes and printing houses."""
