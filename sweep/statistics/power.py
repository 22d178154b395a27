"""How small an effect can be seen, and how many seeds an effect needs."""

from functools import cache

import numpy as np
from scipy import special

from sweep.statistics.errors import require

MOST_PAIRS = 100_000


def power(effect: float, pairs: int, alpha: float = 0.05) -> float:
    """Return the probability that a two-sided paired t test of `pairs` pairs sees `effect`, in sds of a difference.

    Source: the noncentral t distribution; Cohen (1988). Assumes normal differences; needs 2 pairs.
    """
    require(pairs >= 2, f"a paired comparison needs 2 seeds, not {pairs}")
    bound = special.stdtrit(pairs - 1, 1 - alpha / 2)
    shift = effect * np.sqrt(pairs)
    with np.errstate(all="ignore"):
        wrong_side = np.nan_to_num(special.nctdtr(pairs - 1, shift, -bound))  # NaN where it is below 1e-16
    return float(1 - special.nctdtr(pairs - 1, shift, bound) + wrong_side)


@cache
def visible_effect(pairs: int, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """Return the smallest effect, in sds of a difference, that `pairs` pairs see with the probability `wanted`."""
    from scipy import optimize

    high = 1.0
    while power(high, pairs, alpha) < wanted:
        high *= 2
    return float(optimize.brentq(lambda effect: power(effect, pairs, alpha) - wanted, 0.0, high))


def pairs_needed(effect: float, alpha: float = 0.05, wanted: float = 0.8) -> int | None:
    """Return the number of pairs that see `effect`, in sds of a difference; None for more than 100,000 pairs."""
    low, high = 1, 2  # `low` pairs are too few
    while power(abs(effect), high, alpha) < wanted:
        low, high = high, 2 * high
        if high > MOST_PAIRS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(abs(effect), middle, alpha) >= wanted else (middle, high)
    return high
