"""Benchmarks against the usual tools. `make bench` runs all that take minutes."""
