"""Two sonnet studies, ours against Ray Tune + transformers + peft (`benchmarks/peer_sonnets.py`), start to table.

Both sides use the same base, data, settings and number of workers; each worker has one thread. Runs alternate, so that
a drift in the machine's speed affects both sides alike. A pair takes 10 to 15 minutes on two cores.
"""

import argparse
import math
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.measurement import Measurement, alternate, ratio, versus
from benchmarks.overhead import sweep, timed
from benchmarks.peer_sonnets import TRAININGS, decoding_sample, grid_size
from sweep.api import open_run

DECODING_SPACE = '''"""17 decodings of 12 models."""

from dataclasses import replace

from sweep import grid
from sweep.planning.registry import load_space

space = replace(
    load_space("soap_decoding").space,
    fixed={{"optimizer": "adamw"}},
    axes={{"batch_size": grid(*{batch_size}), "lr": grid(*{lr})}},
    milestones={epochs},
)
'''
LOSS_TOLERANCE = 0.01  # relative difference of the mean dev losses
ERRORS = 3  # standard errors of the difference of the mean chrF

Timed = tuple[float, pd.DataFrame]  # seconds, and a row with dev_loss and chrf for each point


def ours(precision: str) -> Timed:
    """Run our LoRA rank grid."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = sweep("run", "lora_rank", "--no-cache", "--precision", precision, "--out", folder)
        rows = open_run("lora_rank", out=folder).leaderboard()
        return seconds, rows[rows["epoch"] > 0]  # without the un-tuned base


def peer(study: str, precision: str = "fp32") -> Timed:
    """Run a study of the peer."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "table.csv"
        seconds = timed("benchmarks.peer_sonnets", study, "--precision", precision, "--out", out)
        return seconds, pd.read_csv(out)


def check_scores(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Raise AssertionError if the tables' mean scores differ by more than noise: the times are then not comparable."""
    ours, theirs = one["dev_loss"].mean(), other["dev_loss"].mean()
    if abs(ours - theirs) > LOSS_TOLERANCE * theirs:
        raise AssertionError(f"the comparison is void: the mean dev loss is {ours:.4f}, but the peer's is {theirs:.4f}")
    ours, theirs = one["chrf"].mean(), other["chrf"].mean()
    error = math.hypot(*(statistics.stdev(table["chrf"]) / math.sqrt(len(table)) for table in (one, other)))
    if abs(ours - theirs) > ERRORS * error:
        raise AssertionError(
            f"the comparison is void: the mean chrF is {ours:.2f}, but the peer's is {theirs:.2f} "
            f"(standard error of the difference {error:.2f})"
        )


def rank_grid(pairs: int = 1, autocast: bool = False) -> Iterator[Measurement]:
    """Compare the LoRA rank grid: ours in fp32 and by `auto`, with the peer in fp32 between them.

    With `autocast`, also time the peer under autocast to bf16, for the note. Raise AssertionError if the scores differ.
    """
    fp32, bf16, cast = list[tuple[float, float]](), list[tuple[float, float]](), list[float]()
    for _ in range(pairs):
        (exact, one), (peers, other), (half, rounded) = ours("fp32"), peer("rank"), ours("auto")
        check_scores(one, other)
        check_scores(rounded, other)
        fp32.append((exact, peers))
        bf16.append((half, peers))
        if autocast:
            cast.append(peer("rank", "bf16")[0])
    work = "LoRA rank grid, 24 points, start to table: {} against Ray Tune + transformers + peft in fp32"
    slow = f"; the peer under autocast to bf16: {statistics.median(cast):.3g} s" if cast else ""
    yield ratio(1, work.format("fp32"), fp32, 0.58, note=versus(fp32))
    yield ratio(1, work.format("--precision auto"), bf16, 0.45, note=versus(bf16) + slow)


def our_decoding_grid() -> float:
    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "decoding_grid.py"
        space.write_text(DECODING_SPACE.format(**TRAININGS))
        return sweep("run", space, "--no-cache", "--precision", "fp32", "--out", folder)


def whole_grid(seconds: float, sample: pd.DataFrame) -> float:
    """Return the seconds of the peer's whole decoding grid, extrapolated from a sample of its points.

    The points that were not run are assumed to keep every worker busy.
    """
    further = (sample["weight"] - 1) * sample["seconds"] / sample["workers"]
    return seconds + float(further.sum())


def decoding_grid(pairs: int = 1) -> Iterator[Measurement]:
    """Compare the decoding grid: we train 4 times, the peer once for each point."""
    seconds = alternate(lambda: whole_grid(*peer("decoding")), our_decoding_grid, pairs)
    points, sample = grid_size(), len(decoding_sample())
    work = f"decoding grid, {points} points: Ray Tune + transformers, which trains each point, against ours in fp32"
    note = f"{versus(seconds)}; the peer's time is extrapolated from {sample} points; ours includes the un-tuned base"
    yield ratio(2, work, seconds, 20, at_least=True, note=note)


def measure(pairs: int = 1, autocast: bool = False) -> Iterator[Measurement]:
    """Yield three lines of the table of targets. Raise AssertionError if the scores on the rank grid differ."""
    yield from rank_grid(pairs, autocast)
    yield from decoding_grid(pairs)


def main(pairs: int = 1, autocast: bool = False) -> None:
    """Print a line for each measurement."""
    print(f"{'figure':>7} {'target':>7} {'pairs':>5}  work")
    for line in measure(pairs, autocast):
        spread = "" if line.quartiles is None else " (quartiles {:.2f} to {:.2f})".format(*line.quartiles)
        target = f"{'>=' if line.at_least else '<='}{line.target:g}"
        note = f" ({line.note})" if line.note else ""
        print(f"{line.figure:7.2f} {target:>7} {line.pairs:5}  {line.work}{note}{spread}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--autocast", action="store_true", help="also time the peer under autocast to bf16")
    arguments = parser.parse_args()
    main(arguments.pairs, arguments.autocast)
