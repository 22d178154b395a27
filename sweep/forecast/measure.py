"""Measure the time and memory of one epoch on this machine, in a separate process.

`python -m sweep.forecast.measure` is that process. It reads a JSON order from stdin and prints a JSON answer as the
last line of stdout. It starts with nothing loaded, so it needs as much memory as a worker, and frees it all at the end.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.settings import Scalar
from sweep.errors import RunError
from sweep.execution.gpus import GPUMemory
from sweep.planning.extensions import Extension, import_recorded, record
from sweep.planning.plan import Point, point_from

ROOT = Path(__file__).parents[2]  # the folder that this package is imported from


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The result of a measurement."""

    settings: Mapping[str, Scalar]  # of the measured point
    start_seconds: float  # until training can start: imports, weights, data
    epoch_seconds: float  # one epoch with its dev loss and checkpoint; for a baseline only the dev loss
    train_seconds: float  # the part of epoch_seconds spent on training
    decode_seconds: float  # scoring the point once
    peak_memory_bytes: int  # of the process on a CPU; of the allocator on a GPU, without the CUDA context
    sample_bytes: int  # size of the point's samples as JSON
    gpu: GPUMemory | None = None


def measure(point: Point, threads: int, gpu: bool) -> Measured:
    """Train one epoch of `point` with `threads` threads, on a GPU if `gpu`, and score it once.

    Raise RunError, with the reason, if that fails; the trial itself would fail too.
    """
    order = {"settings": point.settings, "threads": threads, "gpu": gpu, "started": time.monotonic()}
    order["extensions"] = {name: asdict(extension) for name, extension in record([point]).items()}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sweep.forecast.measure"],  # -P: nothing is imported from the working folder
        input=json.dumps(order),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    if done.returncode != 0:
        raise RunError(f"cannot measure {point.point_id}: {_reason(done)}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Measured(**{**answer, "gpu": GPUMemory(**answer["gpu"]) if answer["gpu"] else None})


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    if done.returncode < 0:
        return f"its process was killed by signal {-done.returncode}, most often because memory ran out"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"its process ended with exit code {done.returncode} and no message"


def _answer(order: Mapping[str, Any]) -> Measured:
    """Carry out the order. This runs in the separate process."""
    import torch

    from model.training import Training
    from sweep.execution.usage import peak_memory_bytes, reset_peak_memory
    from sweep.forecast.gpu_memory import GPUMeter

    torch.set_num_threads(order["threads"])
    import_recorded({name: Extension(**raw) for name, raw in order["extensions"].items()})
    point = point_from(order["settings"])
    device = torch.device("cuda" if order["gpu"] else "cpu")
    meter = GPUMeter() if order["gpu"] else None
    reset_peak_memory(device)
    training = Training(point.train, device)
    ready = time.monotonic()  # all processes of a machine share this clock
    if point.epochs:
        with tempfile.TemporaryDirectory() as folder:
            training.run_epoch()
            training.save(Path(folder))  # as a trial does after every epoch
    else:
        training.report(None)
    trained = time.monotonic()
    samples = training.evaluate(point.decode).samples
    return Measured(
        settings=order["settings"],
        start_seconds=ready - order["started"],
        epoch_seconds=trained - ready,
        train_seconds=training.train_seconds,
        decode_seconds=time.monotonic() - trained,
        peak_memory_bytes=peak_memory_bytes(device),
        sample_bytes=len(json.dumps([dict(sample) for sample in samples])),
        gpu=meter.read() if meter else None,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_answer(json.load(sys.stdin)))))
