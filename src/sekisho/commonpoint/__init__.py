"""Find where the cards leaked."""
