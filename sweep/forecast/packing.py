"""How many trials share a GPU: measured on the heaviest ones."""

from sweep.errors import SpaceError
from sweep.execution.gpus import GPUMemory, hold_gpus, visible_gpus
from sweep.forecast.measure import measure
from sweep.forecast.memory import heaviest_points
from sweep.planning.plan import Plan
from sweep.planning.provenance import Provenance


def measured_memory(plan: Plan, provenance: Provenance, cpus: int, address: str | None) -> GPUMemory:
    """Return the GPU memory that the heaviest trials need for one epoch and one scoring. Raise RunError.

    The GPUs are held meanwhile, so that no other run takes part in the measurement.
    """
    if address is not None:
        raise SpaceError(
            "--gpus-per-trial auto: measures this machine, not a cluster; run it on one machine first, or give a share"
        )
    with hold_gpus(visible_gpus(), "a measurement"):
        points = heaviest_points(plan.trials, provenance)
        found = [measure(point, cpus, gpu=True).gpu for point in points]
    known = [memory for memory in found if memory is not None]
    return GPUMemory(
        reserved=max(memory.reserved for memory in known),
        context=max(memory.context for memory in known),
        free=min(memory.free for memory in known),
    )
