"""Time sides in alternating runs, and build the lines of the table of targets (RESULTS.md).

The sides take turns, so that a drift in the machine's speed affects all alike. A line of a ratio gives the median and
quartiles over the pairs. `rounds` and `compare` run all sides on one thread.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from sweep.execution.usage import threads

Run = Callable[[], object]
Pairs = Sequence[tuple[float, float]]

THREADS = 1
PAIRS = {"tiny": 31, "gpt2": 5}  # pairs of training steps, by shape


@dataclass(frozen=True)
class Measurement:
    """One line of the table of targets."""

    row: int  # of the table of targets, 1 to 11
    work: str  # what was measured
    figure: float  # a median ratio, median seconds or a share; NaN if nothing was measured
    quartiles: tuple[float, float] | None  # of the ratios; None if there are fewer than 3, or the figure is not one
    target: float
    at_least: bool  # whether the target is a minimum, as for a speed-up; else it is a maximum
    unit: str  # "x" for a ratio, "s" for seconds, "of all" for a share
    pairs: int  # number of pairs, trials or searches; 0 if the line was skipped
    note: str = ""

    @property
    def passes(self) -> bool:
        return self.figure >= self.target if self.at_least else self.figure <= self.target


def alternate(one: Callable[[], float], other: Callable[[], float], pairs: int) -> list[tuple[float, float]]:
    """Call both in turn, `pairs` times, and return the seconds that they return."""
    return [(one(), other()) for _ in range(pairs)]


def seconds(run: Run) -> float:
    """Return the seconds that `run` takes, including work still queued on a GPU."""
    began = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def rounds(runs: Sequence[Run], count: int, *, warm_up: bool = True) -> list[tuple[float, ...]]:
    """Call all `runs` in turn, `count` times; return their seconds. With `warm_up`, drop an extra first round."""
    with threads(THREADS):
        return [tuple(seconds(run) for run in runs) for _ in range(count + warm_up)][warm_up:]


def compare(one: Run, other: Run, pairs: int, *, warm_up: bool = True) -> Pairs:
    """Return the seconds of both in `pairs` alternating pairs. With `warm_up`, drop an extra first pair."""
    return [(first, second) for first, second in rounds([one, other], pairs, warm_up=warm_up)]


def ratio(row: int, work: str, pairs: Pairs, target: float, *, at_least: bool = False, note: str = "") -> Measurement:
    """Return a line with the median and quartiles of the ratios first / second of `pairs`."""
    middle, quartiles = median_ratio(pairs)
    return Measurement(row, work, middle, quartiles, target, at_least, "x", len(pairs), note)


def skipped(row: int, work: str, target: float, note: str) -> Measurement:
    """Return the line of a ratio that this machine cannot measure; `note` says why."""
    return Measurement(row, work, math.nan, None, target, False, "x", 0, note)


def median_ratio(pairs: Pairs) -> tuple[float, tuple[float, float] | None]:
    """Return the median of the ratios first / second, and their quartiles, or None for fewer than 3 pairs."""
    ratios = [one / other for one, other in pairs]
    if len(ratios) < 3:
        return statistics.median(ratios), None
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, (low, high)


def medians(pairs: Pairs) -> tuple[float, float]:
    """Return the median of each side."""
    one, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return one, other


def versus(pairs: Pairs) -> str:
    """Return the median seconds of both sides as a note: "0.412 s against 0.598 s"."""
    one, other = medians(pairs)
    return f"{one:.3g} s against {other:.3g} s"


def summary(pairs: Pairs) -> str:
    """Return the median seconds of both sides, and the median ratio with its quartiles, in columns."""
    one, other = medians(pairs)
    middle, quartiles = median_ratio(pairs)
    between = f" ({quartiles[0]:.2f} to {quartiles[1]:.2f})" if quartiles else ""
    return f"{one:8.4f} {other:9.4f} {middle:6.2f}{between}"
