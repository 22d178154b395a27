"""Benchmarks against the usual tools. `make bench` runs all that take minutes.

They run in the environment that `sweep` gives its workers.
"""

import os

from sweep.execution.ray_backend.settings import worker_environment

os.environ.update(worker_environment())  # before numpy is imported
