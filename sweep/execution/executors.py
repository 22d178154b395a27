"""The registry of executors: name -> entry. Command-line choices, help texts and checks read it.

To add one, write its file and add its line to `EXECUTORS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from model.suggest import did_you_mean
from sweep.errors import RunError
from sweep.execution.executor import Executor, InlineExecutor
from sweep.execution.resources import max_concurrent_trials
from sweep.planning.config import RunLimits
from sweep.store.run_spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class ExecutorEntry:
    """An executor. `make` gets the run, its limits, the number of parallel trials (None: what fits) and a cluster."""

    make: Callable[[RunSpec, RunLimits, int | None, str | None], Executor]
    help: str


def _inline(spec: RunSpec, limits: RunLimits, concurrency: int | None, address: str | None) -> Executor:
    return InlineExecutor()


def _ray(spec: RunSpec, limits: RunLimits, concurrency: int | None, address: str | None) -> Executor:
    from sweep.execution.gpus import visible_gpus
    from sweep.execution.ray_backend.executor import RayExecutor

    return RayExecutor(
        concurrency=concurrency
        if concurrency or address
        else max(1, max_concurrent_trials(spec.cpus_per_trial, spec.gpus_per_trial)),
        cpus_per_trial=spec.cpus_per_trial,
        gpus_per_trial=spec.gpus_per_trial,
        gpus=visible_gpus() if spec.gpus_per_trial and not address else (),
        address=address,
        stall_timeout=limits.stall_timeout,
    )


EXECUTORS = {
    "ray": ExecutorEntry(make=_ray, help="run trials in parallel workers"),
    "inline": ExecutorEntry(make=_inline, help="run trials one after another in this process"),
}


def check_executor(name: str) -> None:
    """Raise RunError if there is no executor `name`."""
    if name not in EXECUTORS:
        known = f"{did_you_mean(name, EXECUTORS)}Known: {', '.join(EXECUTORS)}"
        raise RunError(f"--executor: unknown name {name!r}: {known}")


def make_executor(spec: RunSpec, limits: RunLimits, concurrency: int | None, address: str | None) -> Executor:
    """Return the executor that `spec` names, for `concurrency` parallel trials (None: as many as fit).

    Raise RunError if there is no executor of that name.
    """
    check_executor(spec.executor)
    return EXECUTORS[spec.executor].make(spec, limits, concurrency, address)
