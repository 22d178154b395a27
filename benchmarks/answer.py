"""How fast and how often ASHA-promote finds the point of `lora_rank` with the lowest dev loss: row 11 of the targets.

A search with `--precision auto` is timed from the start of the command to its end, after the verdict. The best point is
the one with the lowest mean dev loss over the seeds of the reference run, a full grid in fp32. A search is right if
its winner is that point, or has a mean in that grid within the 95 % interval of that point's.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.asha import SCORES, Truth, truth
from benchmarks.measurement import Measurement
from benchmarks.overhead import sweep
from sweep.reporting.leaderboard import Row, load_rows
from sweep.store.run_folder import RunFolder

REFERENCE = Path(__file__).parents[1] / "results" / "reference" / "lora_rank"
AXES = ("lora.rank", "lora.scale", "lora.dropout")
SEARCH = ("--scheduler", "asha-promote", "--precision", "auto", "--no-cache")
SEEDS = 1  # searches in `make bench`, to save time; 20 in `python -m benchmarks.answer`
RIGHT = 19 / 20  # the least share of searches with a right winner


def point_of(row: Mapping[str, Any]) -> str:
    """Return a row's axis values, which identify its point whatever the seed, precision and decoding."""
    return str([row[axis] for axis in AXES])


def grid() -> Truth:
    """Return the dev-loss result of the full fp32 grid."""
    return truth(load_rows(RunFolder(REFERENCE)), SCORES["dev loss"], point_of)


def winner(rows: list[Row]) -> str:
    """Return the winner of a search: the point with the lowest dev loss among those trained to the end."""
    return point_of(max((row for row in rows if row["status"] == "COMPLETED"), key=SCORES["dev loss"]))


def search(seed: int, out: Path) -> tuple[float, str]:
    """Run a search, and return its seconds from start to verdict and its winner."""
    name = f"seed-{seed}"
    seconds = sweep("run", "lora_rank", *SEARCH, "--set", f"seed={seed}", "--name", name, "--out", out)
    return seconds, winner(load_rows(RunFolder(out / name)))


def measure(seeds: int = SEEDS) -> Iterator[Measurement]:
    """Yield the two lines of row 11: the median seconds, and the share of the searches whose winner is right."""
    right = grid()
    with tempfile.TemporaryDirectory() as name:
        found = [search(seed, Path(name)) for seed in range(seeds)]
    times = [seconds for seconds, _ in found]
    hits = sum(right.found(point) for _, point in found)
    work = "lora_rank by ASHA-promote, --precision auto"
    slowest = f"median of {seeds} searches, slowest {max(times):.0f} s"
    yield Measurement(11, f"{work}, start to verdict", statistics.median(times), None, 60, False, "s", seeds, slowest)
    winners = f"{hits} of {seeds} winners are the full fp32 grid's best point or within that point's 95 % interval"
    yield Measurement(11, f"{work}, right winners", hits / seeds, None, RIGHT, True, "of all", seeds, winners)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="number of searches, each with a seed of its own")
    for line in measure(parser.parse_args().seeds):
        print(f"{line.work}: {line.figure:.3g} {line.unit} ({line.note})")
