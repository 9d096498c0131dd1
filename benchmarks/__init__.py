"""Benchmarks: each module with a ``run(argv)`` is one, and opens with a line that says what."""
