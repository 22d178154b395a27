"""Where the noise of a score comes from: the seed, the sampling draw, the dev example."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sweep.statistics.errors import require

FEWEST_DF = 20  # below, the estimate of a variance is off by a factor of two too often


@dataclass(frozen=True, kw_only=True)
class Component:
    """A variance, in the metric's unit squared, with its 95 % interval. A negative estimate is shown as zero."""

    variance: float
    low: float
    high: float
    df: int  # degrees of freedom of the mean square that it comes from
    is_negative: bool  # whether the estimate was below zero

    @property
    def sd(self) -> float:
        return float(np.sqrt(self.variance))


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The noise of one score, pooled over settings."""

    seed: Component  # between trials of one setting
    draw: Component | None  # between sampling draws of one trained model; None with one draw a trial
    seeds: int  # per setting
    draws: int  # per trial

    def seeds_worth(self, more_draws: int) -> float:
        """Return how many more seeds would lower the variance of a mean as much as `more_draws` draws a trial."""
        if self.draw is None:
            return 0.0
        now = self.seed.variance + self.draw.variance / self.draws
        then = self.seed.variance + self.draw.variance / (self.draws + more_draws)
        return self.seeds * (now / then - 1) if then > 0 else float("inf")


def noise(scores: ArrayLike) -> Noise:
    """Return the components of variance of scores of shape (settings, seeds, draws), pooled over the settings.

    As `noise_of_means`, which needs only the mean and the variance over the draws of each trial.
    """
    x = np.asarray(scores, dtype=float)
    draws = x.shape[2]
    return noise_of_means(x.mean(axis=2), x.var(axis=2, ddof=1) if draws > 1 else None, draws)


def noise_of_means(means: ArrayLike, variances: ArrayLike | None, draws: int) -> Noise:
    """Return the components of variance from each trial's mean and variance over `draws` draws, (settings, seeds).

    Source: the method of moments for nested random effects (Searle, Casella and McCulloch 1992, chapter 4); intervals
    of Graybill and Wang (1980). Assumes normal effects of equal variance in every setting. Needs 20 degrees of freedom:
    settings x (seeds - 1).
    """
    x = np.asarray(means, dtype=float)
    settings, seeds = x.shape
    df = settings * (seeds - 1)
    require(df >= FEWEST_DF, f"sources of variance need {FEWEST_DF} degrees of freedom, not {df}: add seeds")
    between = draws * float(np.sum((x - x.mean(axis=1, keepdims=True)) ** 2)) / df
    if variances is None:
        return Noise(seed=_variance(between, df), draw=None, seeds=seeds, draws=draws)
    within_df = settings * seeds * (draws - 1)
    within = float(np.mean(np.asarray(variances, dtype=float)))
    seed = _difference(between, df, within, within_df, draws)
    return Noise(seed=seed, draw=_variance(within, within_df), seeds=seeds, draws=draws)


def example_noise(scores: ArrayLike) -> Component:
    """Return the variance of a mean score that the choice of dev examples causes, of shape (trials, examples).

    Source: the method of moments for crossed effects: the examples' mean square less that of the interaction, divided
    by trials x examples. It is common to all trials, so it cancels in paired differences. Needs 2 trials and 21
    examples.
    """
    x = np.asarray(scores, dtype=float)
    trials, examples = x.shape
    require(trials >= 2 and examples > FEWEST_DF, f"this needs 2 trials and {FEWEST_DF + 1} dev examples")
    by_example, by_trial, overall = x.mean(axis=0), x.mean(axis=1, keepdims=True), x.mean()
    df = examples - 1
    square = trials * float(np.sum((by_example - overall) ** 2)) / df
    rest_df = df * (trials - 1)
    rest = float(np.sum((x - by_example - by_trial + overall) ** 2)) / rest_df
    return _difference(square, df, rest, rest_df, trials * examples)


def _variance(square: float, df: int) -> Component:
    low, high = (df * square / special.chdtri(df, q) for q in (0.025, 0.975))
    return Component(variance=square, low=float(low), high=float(high), df=df, is_negative=False)


def _difference(one: float, df: int, other: float, other_df: int, count: int) -> Component:
    """Return (one - other) / count of two mean squares, with the interval of Graybill and Wang (1980)."""

    def f(q: float, a: float, b: float) -> float:
        return float(special.fdtri(a, b, 1 - q))

    infinite, tail = 1e9, 0.025
    up, down = f(tail, df, other_df), f(1 - tail, df, other_df)
    g1, h1 = 1 - 1 / f(tail, df, infinite), 1 / f(1 - tail, df, infinite) - 1
    g2, h2 = 1 - 1 / f(tail, other_df, infinite), 1 / f(1 - tail, other_df, infinite) - 1
    g12 = ((up - 1) ** 2 - g1**2 * up**2 - h2**2) / up
    h12 = ((1 - down) ** 2 - h1**2 * down**2 - g2**2) / down
    below = max(0.0, g1**2 * one**2 + h2**2 * other**2 + g12 * one * other)
    above = max(0.0, h1**2 * one**2 + g2**2 * other**2 + h12 * one * other)
    middle = one - other
    return Component(
        variance=max(0.0, middle / count),
        low=max(0.0, (middle - below**0.5) / count),
        high=max(0.0, (middle + above**0.5) / count),
        df=df,
        is_negative=middle < 0,
    )
