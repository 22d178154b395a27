"""Data loading for tasks: finding, parsing and validating files. Nothing here imports torch."""
