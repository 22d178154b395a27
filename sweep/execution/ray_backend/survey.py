"""What the GPUs of a cluster are, asked before a run exists. The driver's own machine need not have a GPU.

`python -m sweep.execution.ray_backend.survey` joins the cluster in a process of its own, so that the driver is not
connected to Ray while it prepares a run. It reads a JSON order from stdin and prints a JSON answer as the last line.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweep.errors import InfrastructureError
from sweep.planning.machine import BF16, Machine, this_machine

ROOT = Path(__file__).parents[3]  # the folder that this package is imported from


def survey(address: str, cpus: int) -> Machine:
    """Return what trials on the GPUs of the cluster at `address` compute with.

    Raise InfrastructureError, naming the machine, if one cannot be used, or if two have different code or versions.
    """
    nodes = _asked({"address": address, "cpus": cpus})
    if not nodes:
        raise InfrastructureError(f"--gpus-per-trial: no machine of the cluster at {address} has a GPU for Ray")
    if problems := [f"{node['name']}: {node['problem']}" for node in nodes if node["problem"]]:
        raise InfrastructureError(f"the cluster at {address} cannot run trials on GPUs: {'; '.join(problems)}")
    machines = [(node["name"], Machine(**node["machine"])) for node in nodes]
    first, one = machines[0]
    for name, other in machines:
        if (other.versions, other.numerics_sha256) != (one.versions, one.numerics_sha256):
            raise InfrastructureError(f"{name} and {first} have {_difference(other, one)}; install the same on both")
    if one.numerics_sha256 != this_machine(gpu=False).numerics_sha256:
        raise InfrastructureError(f"{first} has another version of the code (model/) than this machine")
    return Machine(
        devices=[device for _, each in machines for device in each.devices],
        versions=one.versions,
        numerics_sha256=one.numerics_sha256,
        platform={
            name: value
            for name, value in one.platform.items()
            if name != BF16 or all(each.platform.get(name) == value for _, each in machines)
        },
    )


def _difference(one: Machine, other: Machine) -> str:
    for name, version in one.versions.items():
        if other.versions.get(name) != version:
            return f"different versions of {name} ({version}, {other.versions.get(name)})"
    return "different code (model/)"


def _asked(order: Mapping[str, Any]) -> Any:
    """Return the answer of a separate process to `order`."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__],  # -P: nothing is imported from the working folder
        input=json.dumps(order),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InfrastructureError(lines[-1].removeprefix("sweep.errors.InfrastructureError: "))
    return json.loads(done.stdout.splitlines()[-1])


def _answer(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Carry out the order. This runs in the separate process."""
    from sweep.execution.ray_backend.executor import joined

    with joined(order["address"]):
        from sweep.execution.ray_backend.nodes import ask_nodes

        return [asdict(node) for node in ask_nodes(gpu=True, cpus=order["cpus"])]


if __name__ == "__main__":
    print(json.dumps(_answer(json.load(sys.stdin))))
