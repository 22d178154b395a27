"""Do two scores order things alike: at a rung and at the end, or here and elsewhere?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sweep.statistics.errors import require
from sweep.statistics.paired import correlation

SAMPLES = 2_000
LEAST = 4  # trials for an interval
MANY = 100  # trials above which comparing all pairs, thousands of times, takes too long

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How well the order at a rung agrees with the order at the end."""

    trials: int
    tau: float  # Kendall's tau-b, from -1 to 1
    low: float | None  # 95 % interval, by the bootstrap over trials; None below 4 trials
    high: float | None
    regret: float  # final loss of the rung's best less that of the best, in the loss's unit


def agreement(at_rung: ArrayLike, at_end: ArrayLike, alpha: float = 0.05, seed: int = 0) -> Agreement:
    """Return the agreement of two losses of shape (trials,), smaller is better.

    Source: Kendall (1945). The interval is the bootstrap's percentile interval; its coverage was not simulated for this
    use. Needs 2 trials, not all equal; the interval needs 4.
    """
    a, b = np.asarray(at_rung, dtype=float), np.asarray(at_end, dtype=float)
    require(len(a) >= 2, f"an agreement needs 2 trials, not {len(a)}")
    require(np.ptp(a) > 0 and np.ptp(b) > 0, "an agreement needs trials with different losses")
    tau, regret = _tau(a, b), float(b[a.argmin()] - b.min())
    low, high = _interval(a, b, tau, alpha, seed) if len(a) >= LEAST else (None, None)
    return Agreement(trials=len(a), tau=tau, low=low, high=high, regret=regret)


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float | None:
    """Return Spearman's correlation of two arrays of shape (things,); None if one side is constant. Needs 3 things.

    Source: Spearman (1904). Equal values share their mean rank.
    """
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    require(len(a) == len(b), f"a rank correlation needs pairs, not {len(a)} and {len(b)} values")
    return correlation(_ranks(a), _ranks(b))


def _ranks(values: Array) -> Array:
    """Return the rank of each value, from 1; equal values share their mean rank."""
    smaller = np.sum(values[:, None] > values, axis=1)
    equal = np.sum(values[:, None] == values, axis=1)
    return np.asarray(smaller + (equal + 1) / 2)


def _interval(a: Array, b: Array, tau: float, alpha: float, seed: int) -> tuple[float, float]:
    """Return the bootstrap's percentile interval; for many trials the one of Fieller, Hartley and Pearson (1957)."""
    if len(a) > MANY:
        half = -float(special.ndtri(alpha / 2)) * np.sqrt(0.437 / (len(a) - 4))
        z = np.arctanh(np.clip(tau, -1 + 1e-12, 1 - 1e-12))
        return float(np.tanh(z - half)), float(np.tanh(z + half))
    places = np.random.default_rng(seed).integers(len(a), size=(SAMPLES, len(a)))
    low, high = np.nanquantile(_taus(a[places], b[places]), (alpha / 2, 1 - alpha / 2))
    return float(low), float(high)


def _tau(a: Array, b: Array) -> float:
    if len(a) <= MANY:
        return float(_taus(a[None], b[None])[0])
    from scipy import stats  # sorts instead of comparing all pairs, but takes half a second to import

    return float(stats.kendalltau(a, b).statistic)


def _taus(a: Array, b: Array) -> Array:
    """Return tau-b of each row; NaN where one side is constant."""
    result = np.empty(len(a))
    for place, (one, other) in enumerate(zip(a, b, strict=True)):
        signs = np.sign(one[:, None] - one), np.sign(other[:, None] - other)
        scale = np.sqrt(np.sum(signs[0] ** 2) * np.sum(signs[1] ** 2))
        result[place] = np.sum(signs[0] * signs[1]) / scale if scale else np.nan
    return result
