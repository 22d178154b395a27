"""What this machine offers to trials."""

import os


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def max_concurrent_trials(cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Trials that fit on this machine at a time: by cores, and by GPUs where trials use them."""
    cores = usable_cores()
    if not gpus_per_trial:
        return cores // cpus_per_trial
    import torch

    return min(cores // cpus_per_trial, int(torch.cuda.device_count() / gpus_per_trial))
