"""Executors by name."""

from sweep.execution.executor import Executor, InlineExecutor
from sweep.execution.resources import max_concurrent_trials
from sweep.planning.config import RunLimits
from sweep.store.run_spec import RunSpec


def make_executor(spec: RunSpec, limits: RunLimits, concurrency: int | None, address: str | None) -> Executor:
    """The executor that `spec` names; `concurrency` trials at a time, by default as many as this machine holds."""
    if spec.executor == "inline":
        return InlineExecutor()
    from sweep.execution.gpus import visible_gpus
    from sweep.execution.ray_backend.executor import RayExecutor

    return RayExecutor(
        concurrency=concurrency
        if concurrency or address
        else max(1, max_concurrent_trials(spec.cpus_per_trial, spec.gpus_per_trial)),
        cpus_per_trial=spec.cpus_per_trial,
        gpus_per_trial=spec.gpus_per_trial,
        gpus=len(visible_gpus()) if spec.gpus_per_trial and not address else 0,
        address=address,
        stall_timeout=limits.stall_timeout,
    )
