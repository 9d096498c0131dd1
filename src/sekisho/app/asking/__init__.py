"""Asking the holder: follow the engine, send the question, take the answer, tell the engine."""
