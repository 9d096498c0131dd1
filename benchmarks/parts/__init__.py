"""What several benchmarks share: asking for a trace, judging it, showing figures."""
