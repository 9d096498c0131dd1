"""A seeded economy with leaks, for tests, demo, replay and benchmarks."""
