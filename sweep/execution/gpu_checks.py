"""Check the GPUs that a run asks for, before anything runs."""

import logging

from sweep.errors import SpaceError
from sweep.execution.gpus import visible_gpus
from sweep.execution.nvidia import exclusive_gpus
from sweep.execution.ray_backend.survey import survey
from sweep.planning.machine import Machine, this_machine

log = logging.getLogger(__name__)


def check_gpus(gpus: float, address: str | None) -> None:
    """Raise SpaceError if a trial cannot have `gpus` GPUs, or if this machine must have one and has none."""
    if gpus > 1:
        raise SpaceError(
            f"--gpus-per-trial {gpus:g}: a trial computes on one GPU; give at most 1, and the others run further trials"
        )
    if not gpus or address is not None:
        return
    if not (names := visible_gpus()):
        raise SpaceError(
            "--gpus-per-trial: this machine has no GPU that torch can use (`sweep doctor` says why); "
            "leave it out to use the CPU"
        )
    if gpus < 1 and (exclusive := sorted({*names} & {*exclusive_gpus()})):
        raise SpaceError(
            f"--gpus-per-trial {gpus:g}: GPU {exclusive[0]} allows one process at a time (exclusive-process mode); "
            "give --gpus-per-trial 1, or let an administrator run nvidia-smi -c DEFAULT"
        )


def trial_machine(gpus: float, cpus: int, address: str | None) -> Machine | None:
    """Return what trials compute with, None for this machine's CPU. Log if there are unlike GPUs."""
    if not gpus:
        return None
    machine = this_machine(gpu=True) if address is None else survey(address, cpus)
    if len(names := sorted(set(machine.devices))) > 1:
        log.warning(
            "unlike GPUs: %s. Rows name theirs; equal settings may differ in their last bits between them",
            ", ".join(names),
        )
    return machine
