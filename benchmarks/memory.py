"""Peak memory of training with LoRA, ours against transformers + peft.

Each side trains two steps in a fresh process, with the same shapes, batch and dropout. We compare the growth of the
resident set from after the imports to its peak, which includes weights, gradients, optimizer state and activations. On
a GPU, we compare the memory of torch's allocator instead.
"""

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import torch

from benchmarks.measurement import THREADS, Measurement, ratio, skipped
from benchmarks.training_step import DEVICE, SHAPES, Step, ours, random_ids, theirs
from model.precision import bf16_instructions
from sweep.execution.usage import peak_memory_bytes, reset_peak_memory, threads

ROW = 7  # of the table of targets
PAIRS = 1  # of fresh processes; one is enough: repeated peaks differ little
STEPS = 2  # in the second step, the optimizer's state exists
SIDES: dict[str, tuple[Callable[..., Step], torch.dtype | None]] = {
    "ours": (ours, None),
    "ours-bf16": (ours, torch.bfloat16),
    "theirs": (theirs, None),
    "theirs-autocast": (theirs, torch.bfloat16),
}
TARGETS = {"ours": 0.75, "ours-bf16": 0.5}  # of theirs in fp32


def peak(side: str, shape: str) -> int:
    """Return the bytes that training adds to this process's peak."""
    make, dtype = SIDES[side]
    reset_peak_memory(DEVICE)
    before = peak_memory_bytes(DEVICE)
    with threads(THREADS):
        config = SHAPES[shape]
        step = make(config, random_ids(config), True, dtype)
        for _ in range(STEPS):
            step()
    return peak_memory_bytes(DEVICE) - before


def in_fresh_process(side: str, shape: str) -> float:
    """Return the `peak` of a fresh process, in bytes."""
    command = [sys.executable, "-m", "benchmarks.memory", side, shape]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def side_by_side(sides: Sequence[str], shape: str) -> dict[str, float]:
    """Return the `peak` of each side, in bytes, measured in two processes at a time on a CPU, in one on a GPU."""
    with ThreadPoolExecutor(2 if DEVICE.type == "cpu" else 1) as pool:
        return dict(zip(sides, pool.map(in_fresh_process, sides, repeat(shape)), strict=True))


def measure(shape: str = "gpt2") -> Iterator[Measurement]:
    """Yield our peak in fp32 and in bf16 against theirs in fp32."""
    native = bf16_instructions(DEVICE.type) is not None
    measured = [side for side in SIDES if native or SIDES[side][1] is None]
    peaks = [side_by_side(measured, shape) for _ in range(PAIRS)]
    for side, target in TARGETS.items():
        precision = "bf16" if SIDES[side][1] else "fp32"
        work = f"peak memory, {shape}, LoRA: {precision} against transformers + peft in fp32"
        if side in measured:
            pairs = [(each[side], each["theirs"]) for each in peaks]
            yield ratio(ROW, work, pairs, target, note=note(side, peaks))
        else:
            yield skipped(ROW, work, target, "this processor has no bf16 instructions")


def note(side: str, peaks: Sequence[dict[str, float]]) -> str:
    """Return the median peaks of `side` and its peer as text; for bf16, also the peer's peak in autocast."""
    middle = {each: f"{statistics.median(one[each] for one in peaks) / 1e6:.0f} MB" for each in peaks[0]}
    text = f"{middle[side]} against {middle['theirs']}"
    return text if SIDES[side][1] is None else f"{text}; the peer in autocast: {middle['theirs-autocast']}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("shape", choices=SHAPES)
    given = parser.parse_args(arguments)
    print(peak(given.side, given.shape))


if __name__ == "__main__":
    main()
