"""Equal effort: the score to expect after tuning with k points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.statistics.errors import require

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TuningCurve:
    """The median of the best score of k random points, with a simultaneous band. Infinite where unknown."""

    k: NDArray[np.int64]
    median: Array
    low: Array
    high: Array


def tuning_curve(scores: ArrayLike, most: int | None = None, alpha: float = 0.05) -> TuningCurve:
    """Return the tuning curve of scores of shape (points,), larger is better, for k = 1 .. most (default: points).

    If F is the distribution of one score, the best of k points has the distribution F^k. The band is the
    Kolmogorov-Smirnov band of F, mapped in the same way: exact for independent points, and simultaneous in k.

    Source: Lourie, Cho and He (2024), arXiv 2311.09480. Assumes points drawn independently (random search, not TPE or a
    grid). Needs 2 points.
    """
    x = np.sort(np.asarray(scores, dtype=float))
    count = len(x)
    require(count >= 2, f"a tuning curve needs 2 points, not {count}")
    k = np.arange(1, (most or count) + 1)
    from scipy import stats

    epsilon = stats.kstwo(count).ppf(1 - alpha)
    steps = np.arange(count + 1) / count
    ends = np.concatenate([[-np.inf], x, [np.inf]])
    upper, lower = np.clip(steps + epsilon, 0, 1), np.clip(steps - epsilon, 0, 1)
    wanted = 0.5 ** (1 / k)
    return TuningCurve(
        k=k,
        median=x[np.searchsorted(steps[1:], wanted - 1e-12).clip(max=count - 1)],
        low=_quantile(ends, upper, wanted),
        high=_quantile(ends, lower, wanted),
    )


def _quantile(ends: Array, cdf: Array, wanted: Array) -> Array:
    """Return the smallest of `ends` at which a CDF reaches `wanted`; `cdf`[i] holds from ends[i] to ends[i + 1]."""
    full = np.concatenate([cdf, [1.0]])
    return np.asarray(ends[np.searchsorted(full, wanted - 1e-12)])
