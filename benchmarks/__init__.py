"""Measurements against what users would otherwise use. `make bench` runs them all."""
