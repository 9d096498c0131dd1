"""The only home of a clear card number."""
