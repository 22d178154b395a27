"""How many trials this machine can run at the same time."""

import os

from sweep.execution.gpus import visible_gpus


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def max_concurrent_trials(cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on this machine at the same time, by its cores and, if they use any, its GPUs."""
    cores = usable_cores() // cpus_per_trial
    return min(cores, len(visible_gpus()) * trials_per_gpu(gpus_per_trial)) if gpus_per_trial else cores


def trials_per_gpu(share: float) -> int:
    """Return how many trials fit on one GPU; each needs its `share` of the same one."""
    return int(1 / share + 1e-9)
