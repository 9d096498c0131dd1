"""The HTTP door: JSON in, JSON out, over the same engine as the ISO 8583 door."""
