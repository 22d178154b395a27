"""Is the best of many settings better than luck alone would make it?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sweep.statistics.errors import require

PERMUTATIONS = 2_000
UNUSUAL = 2.0  # times the median sd: from here on the best one's own sd is tested too


@dataclass(frozen=True, kw_only=True)
class LuckLine:
    """How the best mean compares with the best of equally good settings."""

    best: float  # the best mean over seeds, in the metric's unit
    expected: float  # the mean of the best one if all settings were equal
    bound: float  # the value that the best one exceeds with probability alpha if all settings were equal
    p: float  # P(best >= seen | all settings equal), by permutation
    own_p: float | None  # of the best one's own test, times the number of settings; None if its sd is usual

    def more_than_luck(self, alpha: float = 0.05) -> bool:
        """Return whether luck explains the best setting with a probability of at most alpha."""
        return self.p <= alpha and (self.own_p is None or self.own_p <= alpha)


def luck_line(scores: ArrayLike, alpha: float = 0.05, permutations: int = PERMUTATIONS, seed: int = 0) -> LuckLine:
    """Return the luck line of scores of shape (settings, seeds), larger is better, none missing.

    The scores of each seed are permuted among the settings 2,000 times. This is exact if all settings have one
    distribution, whatever its shape (Pitman 1937). If the best one's sd is more than twice the median sd, its own
    one-sided t test against the mean of the others must agree, Bonferroni over the settings: otherwise a noisy setting
    passes for a good one. Needs 2 settings and 2 seeds: the noise of a single seed cannot be known.
    """
    x = np.asarray(scores, dtype=float)
    settings, seeds = x.shape
    require(settings >= 2, "the luck line needs 2 settings")
    require(seeds >= 2, "the luck line needs 2 seeds: one seed does not show how much scores vary by chance")
    means = x.mean(axis=1)
    bests = permuted_bests(x, permutations, seed)
    best = float(means.max())
    reached = np.sum(bests >= best - 1e-9 * abs(best))
    return LuckLine(
        best=best,
        expected=float(bests.mean()),
        bound=float(np.quantile(bests, 1 - alpha)),
        p=float((1 + reached) / (1 + permutations)),
        own_p=_own_p(x, int(means.argmax())),
    )


def permuted_bests(scores: NDArray[np.float64], permutations: int, seed: int) -> NDArray[np.float64]:
    """Return the best mean after each permutation, shape (permutations, ...), of scores (..., settings, seeds)."""
    generator = np.random.default_rng(seed)
    settings, seeds = scores.shape[-2:]
    places = np.broadcast_to(np.arange(settings)[:, None], (settings, seeds))
    bests = np.empty((permutations, *scores.shape[:-2]))
    for count in range(permutations):
        bests[count] = scores[..., generator.permuted(places, axis=0), np.arange(seeds)].mean(axis=-1).max(axis=-1)
    return bests


def _own_p(x: NDArray[np.float64], best: int) -> float | None:
    """Return the p of the best setting against the mean of the others, times the number of settings."""
    sds = x.std(axis=1, ddof=1)
    if sds[best] <= UNUSUAL * np.median(sds):
        return None
    d = x[best] - np.delete(x, best, axis=0).mean(axis=0)
    t = d.mean() / (d.std(ddof=1) / np.sqrt(len(d)))
    return float(min(1.0, len(x) * special.stdtr(len(d) - 1, -t)))
