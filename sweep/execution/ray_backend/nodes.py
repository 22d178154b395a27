"""Ask the machines of a cluster what they compute with, and refuse those that would compute something else.

One task on each machine imports this package, reads a file that the driver wrote to the folder of the run, locks it,
and looks at the GPUs. So a machine that is not fit is one error before anything runs, not one failure per trial.
"""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.errors import InfrastructureError
from sweep.execution.job import Job
from sweep.execution.trial import differences
from sweep.planning.machine import Machine, this_machine
from sweep.store.locks import LockError, try_lock

ANSWER_SECONDS = 120  # time for a machine to answer; importing torch from a network disk takes long


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine of a cluster, and its answer."""

    node: str  # Ray's id
    name: str  # host name or address
    gpus: int
    machine: Machine | None = None  # None: it did not answer
    problem: str | None = None  # why no trial can run there


@dataclass(frozen=True)
class Nonce:
    """A file with a random text that the driver wrote."""

    path: str
    text: str


def check_nodes(job: Job, folder: Path, *, cpus: int) -> None:
    """Raise InfrastructureError, naming every machine and reason, if a machine cannot run jobs such as `job`."""
    with _nonce(folder) as nonce:
        nodes = ask_nodes(gpu=job.gpu, cpus=cpus, nonce=nonce)
    if not nodes:
        wanted = f"{cpus} cores" + (" and a GPU" if job.gpu else "")
        raise InfrastructureError(f"no machine of the cluster has {wanted} for a trial")
    problems = [f"{node.name}: {problem}" for node in nodes for problem in _problems(node, job)]
    if problems:
        count = f"{len(problems)} machines" if len(problems) > 1 else "a machine"
        raise InfrastructureError(
            f"{count} of the cluster cannot run trials; mend that, or leave them out of the cluster: "
            + "; ".join(problems)
        )


def ask_nodes(*, gpu: bool, cpus: int, nonce: Nonce | None = None) -> list[Node]:
    """Ask every machine that has room for a trial, all at once. This process must be connected to the cluster."""
    found = [
        Node(node=each["NodeID"], name=each["NodeManagerHostname"], gpus=int(each["Resources"].get("GPU", 0)))
        for each in ray.nodes()
        if each["Alive"] and each["Resources"].get("CPU", 0) >= cpus and (not gpu or each["Resources"].get("GPU", 0))
    ]
    tasks = [_ask(node, gpu, nonce) for node in found]
    if tasks:
        ray.wait(tasks, num_returns=len(tasks), timeout=ANSWER_SECONDS)
    return [_answered(node, task) for node, task in zip(found, tasks, strict=True)]


def describe(gpu: bool, nonce: Nonce | None) -> dict[str, Any]:
    """Return what this machine computes with, and why no trial can run here. A task on a machine calls this."""
    machine, problem = this_machine(gpu), None
    if gpu and not machine.devices:
        import torch

        problem = f"torch {torch.__version__} sees no GPU there, though Ray does; run `sweep doctor` on it"
    elif nonce is not None:
        problem = _unshared(nonce)
    return {"machine": asdict(machine), "problem": problem, "name": socket.gethostname()}


def _ask(node: Node, gpu: bool, nonce: Nonce | None) -> Any:
    place = NodeAffinitySchedulingStrategy(node_id=node.node, soft=False)
    options = {
        "num_cpus": 0,
        "num_gpus": int(gpu),
        "max_retries": 0,
    }  # one GPU: others may be in use; workers check theirs
    return ray.remote(**options)(describe).options(scheduling_strategy=place).remote(gpu, nonce)


def _answered(node: Node, task: Any) -> Node:
    try:
        answer = ray.get(task, timeout=0)
    except ray.exceptions.GetTimeoutError:
        ray.cancel(task, force=True)
        busy = "its GPUs are in use by others, or it is too slow" if node.gpus else "it is too slow"
        return Node(**{**asdict(node), "problem": f"no answer within {ANSWER_SECONDS} s: {busy}"})
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        return Node(**{**asdict(node), "problem": f"{reason}; install this package there as here"})
    machine = Machine(**answer["machine"])
    return Node(**{**asdict(node), "name": answer["name"], "machine": machine, "problem": answer["problem"]})


def _problems(node: Node, job: Job) -> Iterable[str]:
    if node.problem is not None:
        return [node.problem]
    assert node.machine is not None, "it answered"
    return differences(node.machine, job)[:1]


@contextlib.contextmanager
def _nonce(folder: Path) -> Iterator[Nonce]:
    """Write a random text to a file in `folder`, and remove it at the end."""
    path, text = folder.absolute() / f".nodes.{os.getpid()}", secrets.token_hex(16)
    path.write_text(text)
    try:
        yield Nonce(str(path), text)
    finally:
        path.unlink(missing_ok=True)


def _unshared(nonce: Nonce) -> str | None:
    """Return why this machine cannot share the folder of the run with the driver; None if it can."""
    path = Path(nonce.path)
    unseen = f"it does not see the files that the driver writes to {path.parent}; --out must be a folder that all share"
    try:
        with path.open("r+") as file:
            if file.read() != nonce.text:
                return unseen
            try_lock(file.fileno(), path)
    except FileNotFoundError:
        return unseen
    except (OSError, LockError) as error:
        return str(error)
    return None
