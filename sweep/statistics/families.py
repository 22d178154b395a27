"""Corrections for comparisons that are shown together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p adjusted for the family along the last axis, by Holm's step-down procedure (Holm 1979).

    Under any dependence, the probability of a false positive among the family is at most alpha if those with an
    adjusted p of at most alpha are called significant.
    """
    values = np.asarray(p, dtype=float)
    count = values.shape[-1]
    order = np.argsort(values, axis=-1, kind="stable")
    steps = np.take_along_axis(values, order, axis=-1) * np.arange(count, 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0)
    found = np.empty_like(adjusted)
    np.put_along_axis(found, order, adjusted, axis=-1)
    return found


def holm_level(p: ArrayLike, alpha: float = 0.05) -> NDArray[np.float64]:
    """Return the level that Holm's procedure holds each p of a family of shape (comparisons,) against.

    A rejected one was held against alpha / (number of p that are not smaller). All others are held against the level
    at which the procedure stopped.
    """
    values = np.asarray(p, dtype=float)
    adjusted = holm(values)
    rejected = int(np.sum(adjusted <= alpha))
    place = np.empty(len(values))
    place[np.argsort(values, kind="stable")] = np.arange(len(values))
    return np.asarray(alpha / (len(values) - np.minimum(place, min(rejected, len(values) - 1))))
