"""Adding paired seeds until a comparison is decided: a group-sequential paired t test."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sweep.statistics.errors import require

Array = NDArray[np.float64]

FIRST_LOOK = 3  # pairs
STUDIES = 1_000_000  # simulated for the boundaries
BLOCK = 50_000
# For alpha = 0.05 and at most 14 pairs: |t| to reach with 3, 4, ... 14 pairs.
USUAL = (9.58, 7.04, 5.37, 4.48, 3.98, 3.65, 3.42, 3.24, 3.11, 3.00, 2.90, 2.82)


class Decision(StrEnum):
    """The state of a sequential comparison."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUAL = "equal"
    UNDECIDED = "undecided"  # after the last pair
    OPEN = "open"  # more pairs may decide it


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A decision, and the number of pairs after which it was taken."""

    decision: Decision
    pairs: int


def repeated_interval(differences: ArrayLike, most: int = 14, alpha: float = 0.05) -> tuple[float, float, float]:
    """Return the mean of differences of shape (pairs,), and an interval that holds whenever the looks ended.

    The interval is mean +- boundary x standard error (Jennison and Turnbull 1989): unlike Student's, it keeps its level
    though the comparison stopped as soon as it was decided. Needs 3 pairs.
    """
    d = np.asarray(differences, dtype=float)
    require(FIRST_LOOK <= len(d) <= most, f"a repeated interval needs 3 to {most} pairs, not {len(d)}")
    half = boundaries(most, alpha)[len(d) - FIRST_LOOK] * float(d.std(ddof=1)) / len(d) ** 0.5
    return float(d.mean()), float(d.mean()) - half, float(d.mean()) + half


def boundaries(most: int = 14, alpha: float = 0.05) -> tuple[float, ...]:
    """Return the |t| that decides with 3, 4, ... `most` pairs, so that no difference is called one in alpha of studies.

    The level spent up to n pairs is alpha n / most (Lan and DeMets 1983, with a linear spending function). Except for
    the usual case, the boundaries come from one simulation with a fixed seed. Assumes normal differences; the level is
    3 to 4 % for t3 and Laplace noise, and 7 to 16 % for skewed noise. Needs most >= 3.
    """
    require(most >= FIRST_LOOK, f"a sequential test needs at least {FIRST_LOOK} pairs, not {most}")
    if (most, alpha) == (14, 0.05):
        return USUAL
    return _simulated(most, alpha)


def settle(differences: ArrayLike, most: int = 14, alpha: float = 0.05, margin: float | None = None) -> Settled:
    """Return what differences of shape (pairs,), in the order of their seeds, decide.

    The pairs are replayed one by one, so neither the order in which they finished nor a restart matters. With a
    `margin`, the comparison ends as equal once the boundaries' own interval lies within +- margin; equal goes first.
    Later pairs never change a decision.
    """
    d = np.asarray(differences, dtype=float)[:most]
    bounds = boundaries(most, alpha)
    narrow = boundaries(most, 2 * alpha) if margin is not None else None
    for count in range(FIRST_LOOK, len(d) + 1):
        part = d[:count]
        mean, error = float(part.mean()), float(part.std(ddof=1)) / count**0.5
        place = count - FIRST_LOOK
        if margin is not None and narrow is not None and margin - abs(mean) >= narrow[place] * error > 0:
            return Settled(decision=Decision.EQUAL, pairs=count)
        if error > 1e-9 * abs(mean) and abs(mean) / error >= bounds[place]:
            return Settled(decision=Decision.HIGHER if mean > 0 else Decision.LOWER, pairs=count)
    return Settled(decision=Decision.UNDECIDED if len(d) == most else Decision.OPEN, pairs=len(d))


@cache
def _simulated(most: int, alpha: float) -> tuple[float, ...]:
    t = np.abs(_walks(most))
    alive = np.ones(len(t), dtype=bool)
    bounds = []
    for place, count in enumerate(range(FIRST_LOOK, most + 1)):
        spent = round(alpha * count / most * len(t))
        more = spent - int(np.sum(~alive))
        if place == 0:
            bound = float(-special.stdtrit(count - 1, alpha * count / most / 2))  # known exactly
        else:
            values = np.sort(t[alive, place])[::-1]
            bound = float(values[min(more, len(values)) - 1]) if more > 0 else float("inf")
        bounds.append(bound)
        alive &= t[:, place] < bound
    return tuple(bounds)


@cache
def _walks(most: int) -> NDArray[np.float32]:
    """Return t after 3, 4, ... `most` pairs of a million studies without a difference."""
    generator = np.random.default_rng(20_240_601)
    counts = np.arange(1, most + 1)
    blocks = []
    for _ in range(STUDIES // BLOCK):
        d = generator.standard_normal((BLOCK, most))
        sums, squares = d.cumsum(axis=1), (d**2).cumsum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = (squares - sums**2 / counts) / (counts - 1)
            blocks.append((sums / np.sqrt(counts * variance))[:, FIRST_LOOK - 1 :].astype(np.float32))
    return np.concatenate(blocks)
