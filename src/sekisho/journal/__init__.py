"""What the live engine wrote down: the journal of its answers, and snapshots of its state."""
