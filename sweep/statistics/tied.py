"""Which settings cannot be told from the best one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sweep.statistics.errors import require

Array = NDArray[np.float64]

BLOCK = 1_000_000  # pairs of settings held in memory at a time
ROUNDING = 1e-12  # share of the squares below which a spread is rounding


def tied_with_best(scores: ArrayLike, alpha: float = 0.05) -> NDArray[np.bool_]:
    """Return, for scores of shape (settings, seeds) where larger is better, whether each may be the best.

    A setting drops out if some other one beats it by a paired one-sided t test at alpha / (settings - 1). The truly
    best one stays with a probability of at least 1 - alpha. NaN marks a missing seed: pairs use their common seeds, and
    a pair with fewer than two tells nothing.

    Source: subset selection of the best (Gupta 1965; Hsu 1984) with a separate sd for each pair, since the pooled sd
    loses the best in up to 30 % of studies if sds differ. Assumes differences close to normal; needs 2 settings and
    2 seeds. With two settings use the verdict on the pair, which is two-sided.
    """
    x = np.asarray(scores, dtype=float)
    settings, seeds = x.shape
    require(settings >= 2 and seeds >= 2, "the tied set needs 2 settings and 2 seeds")
    is_tied = np.ones(settings, dtype=bool)
    bounds = _bounds(seeds, alpha / (settings - 1))
    step = max(1, BLOCK // settings)
    for start in range(0, settings, step):
        is_tied[start : start + step] = ~_beaten(x[start : start + step], x, bounds).any(axis=1)
    return is_tied


def _bounds(seeds: int, level: float) -> NDArray[np.float64]:
    """Return the bound of t by the number of pairs; infinite below 2."""
    bounds = np.full(seeds + 1, np.inf)
    bounds[2:] = special.stdtrit(np.arange(1, seeds), 1 - level)
    return bounds


def _beaten(these: Array, rivals: Array, bounds: Array) -> NDArray[np.bool_]:
    """Return, of shape (these, rivals), whether t of the paired differences exceeds its bound.

    A constant difference tells nothing about the noise, so it never excludes a setting.
    """
    shape = len(these), len(rivals)
    n, sums, squares = np.zeros(shape, dtype=int), np.zeros(shape), np.zeros(shape)
    for seed in range(these.shape[1]):  # two dimensions at a time: a third one would be slower
        d = rivals[None, :, seed] - these[:, None, seed]
        known = ~np.isnan(d)
        d = np.where(known, d, 0.0)
        n += known
        sums += d
        squares += d * d
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = squares - sums**2 / n
        t = np.where(spread > ROUNDING * squares, sums / np.sqrt(n * spread / (n - 1)), 0.0)
    return np.asarray(t > bounds[n])
