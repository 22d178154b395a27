"""The verdict on a comparison: one word, and the figures that it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.statistics.errors import require
from sweep.statistics.families import holm, holm_level
from sweep.statistics.paired import PairedEffect, correlation, equivalence_p, outlier, paired_effect, sign_flip_p
from sweep.statistics.power import pairs_needed, visible_effect

Array = NDArray[np.float64]


class Word(StrEnum):
    """What a comparison of one setting with another ends in."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"  # within the margin
    UNDECIDED = "undecided"
    IDENTICAL = "identical"  # the same score with every seed


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The scores of two settings with the same seeds, in the order of the seeds. NaN marks a lost seed."""

    name: str
    one: tuple[float, ...]
    other: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict on `one` against `other`. Differences are one - other, in the metric's unit."""

    name: str
    word: Word
    n: int  # paired seeds
    lost: int  # seeds in which a side diverged or failed
    family: int  # comparisons shown together, over which Holm's procedure was taken
    mean: float | None  # None with less than one pair
    low: float | None  # Student's t interval; None with less than two pairs
    high: float | None
    p: float | None  # of Student's t, two-sided
    adjusted: float | None  # p after Holm: the word follows it
    exact_p: float | None  # by sign flips; at least 2 / 2^n
    correlation: float | None  # between the sides, over seeds
    visible: float | None  # smallest effect seen with 80 % power at the level that the word uses
    more_seeds: int | None  # seeds to add for 80 % power at the difference seen; None unless undecided
    margin: float | None
    equal_p: float | None  # of the two one-sided tests, after Holm
    lost_decide: bool  # whether the word would differ if lost seeds counted as the worst value
    outlier: int | None  # place of a pair whose difference is unusual


def judge(
    comparisons: Sequence[Comparison],
    *,
    larger_is_better: bool,
    alpha: float = 0.05,
    margin: float | None = None,
) -> list[Verdict]:
    """Return the verdict on each comparison of a family that is shown together.

    *better* and *worse* follow Student's t after Holm over the family. With a margin, *equal* follows two one-sided
    tests after Holm and takes precedence. If seeds were lost, a word stands only if it is the same when they are
    dropped and when they count as the comparison's worst value. With fewer than two pairs the word is *undecided*.
    """
    require(margin is None or margin > 0, f"a margin is above 0, not {margin}")
    sign = 1.0 if larger_is_better else -1.0
    dropped = _test([_differences(one, sign, drop=True) for one in comparisons], alpha, margin)
    worst = _test([_differences(one, sign, drop=False) for one in comparisons], alpha, margin)
    return [
        _verdict(one, sign, mine, mine.word != other.word, len(comparisons), margin)
        for one, mine, other in zip(comparisons, dropped, worst, strict=True)
    ]


def words(differences: ArrayLike, alpha: float = 0.05, margin: float | None = None) -> NDArray[np.str_]:
    """Return the words of many families at once: differences of shape (..., comparisons, pairs), larger is better."""
    d = np.asarray(differences, dtype=float)
    effect = paired_effect(d, alpha)
    equal = holm(equivalence_p(d, margin)) if margin is not None else np.ones(d.shape[:-1])
    return _decide(effect.identical, effect.mean, holm(effect.p), equal, alpha)


@dataclass(frozen=True)
class _Tested:
    """A comparison after the tests of its family; larger differences are better."""

    differences: Array
    effect: PairedEffect | None  # None with fewer than two pairs
    word: Word
    adjusted: float
    equal: float  # p of equality after Holm; 1 without a margin
    level: float  # that Holm held p against


def _test(differences: Sequence[Array], alpha: float, margin: float | None) -> list[_Tested]:
    if not differences:
        return []
    effects = [paired_effect(d, alpha) if len(d) >= 2 else None for d in differences]
    ps = [float(effect.p) if effect else 1.0 for effect in effects]
    adjusted, levels = holm(ps), holm_level(ps, alpha)
    equal = holm([float(equivalence_p(d, margin)) if margin and len(d) >= 2 else 1.0 for d in differences])
    identical = np.array([effect is not None and bool(effect.identical) for effect in effects])
    means = np.array([d.mean() if len(d) else 0.0 for d in differences])
    found = _decide(identical, means, adjusted, equal, alpha)
    return [
        _Tested(d, effect, Word(str(word)), float(p), float(same), float(level))
        for d, effect, word, p, same, level in zip(differences, effects, found, adjusted, equal, levels, strict=True)
    ]


def _decide(identical: NDArray[np.bool_], mean: Array, adjusted: Array, equal: Array, alpha: float) -> NDArray[np.str_]:
    """Return the words of comparisons, elementwise. The first rule that applies decides."""
    rules = [identical, equal <= alpha, (adjusted <= alpha) & (mean > 0), (adjusted <= alpha) & (mean < 0)]
    return np.select(rules, [Word.IDENTICAL, Word.EQUAL, Word.BETTER, Word.WORSE], default=Word.UNDECIDED)


def _differences(one: Comparison, sign: float, *, drop: bool) -> Array:
    """Return one - other, larger is better; lost seeds are dropped, or take the comparison's worst score."""
    a, b = sign * np.array(one.one, dtype=float), sign * np.array(one.other, dtype=float)
    known = ~(np.isnan(a) & np.isnan(b))  # a seed lost on both sides says nothing
    a, b = a[known], b[known]
    if not drop and len(a):
        worst = min(np.nanmin(a, initial=np.inf), np.nanmin(b, initial=np.inf))
        a, b = np.where(np.isnan(a), worst, a), np.where(np.isnan(b), worst, b)
    d = a - b
    return np.asarray(d[~np.isnan(d)])


def _verdict(
    one: Comparison, sign: float, tested: _Tested, lost_decide: bool, family: int, margin: float | None
) -> Verdict:
    word = Word.UNDECIDED if lost_decide else tested.word
    d, effect = tested.differences, tested.effect
    pairs = [(a, b) for a, b in zip(one.one, one.other, strict=True) if not (np.isnan(a) or np.isnan(b))]
    size = abs(float(effect.mean / effect.sd)) if effect and effect.sd > 0 else None
    needed = pairs_needed(size, tested.level) if size and word == Word.UNDECIDED else None
    bounds = sorted((sign * float(effect.low), sign * float(effect.high))) if effect else (None, None)
    return Verdict(
        name=one.name,
        word=word,
        n=len(d),
        lost=len(one.one) - len(pairs),
        family=family,
        mean=sign * float(d.mean()) if len(d) else None,
        low=bounds[0],
        high=bounds[1],
        p=float(effect.p) if effect else None,
        adjusted=tested.adjusted if effect else None,
        exact_p=sign_flip_p(d) if effect else None,
        correlation=correlation(*zip(*pairs, strict=True)) if len(pairs) >= 3 else None,
        visible=visible_effect(len(d), tested.level) * float(effect.sd) if effect and effect.sd > 0 else None,
        more_seeds=max(1, needed - len(d)) if needed else None,
        margin=margin,
        equal_p=tested.equal if effect and margin else None,
        lost_decide=lost_decide,
        outlier=outlier(d) if len(d) >= 4 else None,
    )
