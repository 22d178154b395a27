"""The cores and GPUs that this machine offers to trials."""

import os


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu_count() -> int:
    """Return the number of GPUs of this machine that torch can use."""
    import torch

    return torch.cuda.device_count()


def max_concurrent_trials(cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Return how many trials fit on this machine at the same time, by its cores and, if they use any, its GPUs."""
    cores = usable_cores()
    if not gpus_per_trial:
        return cores // cpus_per_trial
    return min(cores // cpus_per_trial, int(gpu_count() / gpus_per_trial))
