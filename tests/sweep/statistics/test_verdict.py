"""The words of verdicts, and the figures beside them."""

import math

import numpy as np
import pytest

from sweep.statistics.paired import paired_effect
from sweep.statistics.power import power
from sweep.statistics.verdict import Comparison, Verdict, Word, judge, words

NAN = math.nan


def compare(*differences: float, name: str = "a - b") -> Comparison:
    """A comparison with these differences."""
    other = [10.0 + place for place in range(len(differences))]
    return Comparison(name=name, one=tuple(b + d for b, d in zip(other, differences, strict=True)), other=tuple(other))


def one(comparison: Comparison, **options) -> Verdict:
    return judge([comparison], **{"larger_is_better": True, **options})[0]


CLEAR, UNCLEAR = (1.0, 1.1, 0.9, 1.05, 0.95, 1.0), (1.0, -1.0, 0.5, -0.4, 0.2, 0.1)


@pytest.mark.parametrize(
    ("differences", "options", "word"),
    [
        (CLEAR, {}, Word.BETTER),
        (CLEAR, {"larger_is_better": False}, Word.WORSE),
        (UNCLEAR, {}, Word.UNDECIDED),
        ((0.0,) * 6, {}, Word.IDENTICAL),
        (CLEAR, {"margin": 2.0}, Word.EQUAL),  # equal goes before better
        (CLEAR, {"margin": 0.5}, Word.BETTER),
        ((5.0,), {}, Word.UNDECIDED),  # one seed
        ((), {}, Word.UNDECIDED),
        ((0.5, 0.5, 0.5), {}, Word.UNDECIDED),  # a constant difference says nothing about the noise
    ],
)
def test_words(differences: tuple[float, ...], options: dict[str, object], word: Word) -> None:
    assert one(compare(*differences), **options).word == word


def test_figures_equal_the_paired_effect() -> None:
    found, effect = one(compare(*UNCLEAR)), paired_effect(UNCLEAR)
    assert [found.mean, found.low, found.high, found.p] == pytest.approx(
        [float(value) for value in (effect.mean, effect.low, effect.high, effect.p)]
    )
    assert (found.n, found.lost, found.family) == (6, 0, 1)


def test_differences_keep_the_metrics_own_sign() -> None:
    """A lower dev loss is better, and its difference is shown below zero."""
    found = one(compare(*(-d for d in CLEAR)), larger_is_better=False)
    assert found.word == Word.BETTER
    assert found.low < found.mean < found.high < 0


def test_the_family_raises_the_bar() -> None:
    shaky = compare(0.9, 0.1, 0.6, 1.0, 0.2, 0.5)
    assert one(shaky).word == Word.BETTER
    family = judge([shaky, *(compare(*np.random.default_rng(seed).normal(size=6)) for seed in range(14))],
                   larger_is_better=True)  # fmt: skip
    assert family[0].word == Word.UNDECIDED
    assert family[0].adjusted == pytest.approx(15 * family[0].p)
    assert family[0].visible > one(shaky).visible


def test_more_seeds_would_reach_80_percent_power() -> None:
    found, effect = one(compare(*UNCLEAR)), paired_effect(UNCLEAR)
    size = abs(float(effect.mean / effect.sd))
    assert power(size, 6 + found.more_seeds) >= 0.8 > power(size, 6 + found.more_seeds - 1)
    assert one(compare(*CLEAR)).more_seeds is None


def lost(*places: int) -> Comparison:
    """A clear comparison in which the first setting has lost these seeds."""
    full = compare(*CLEAR)
    kept = tuple(NAN if place in places else value for place, value in enumerate(full.one))
    return Comparison(name="a - b", one=kept, other=full.other)


def test_a_word_that_hangs_on_lost_seeds_is_undecided() -> None:
    found = one(lost(5))
    assert found.word == Word.UNDECIDED
    assert found.lost_decide
    assert (found.n, found.lost) == (5, 1)


def test_a_word_stands_if_lost_seeds_change_nothing() -> None:
    """The worse setting has lost a seed: it is worse either way."""
    wide = compare(-9.0, -9.5, -9.2, -8.8, -9.1, -9.0)
    found = one(Comparison(name="a - b", one=(*wide.one[:5], NAN), other=wide.other))
    assert found.word == Word.WORSE
    assert not found.lost_decide


def test_a_seed_lost_on_both_sides_says_nothing() -> None:
    full = compare(*CLEAR)
    found = one(Comparison(name="a - b", one=(*full.one[:5], NAN), other=(*full.other[:5], NAN)))
    assert found.word == Word.BETTER
    assert (found.n, found.lost) == (5, 1)


def test_all_seeds_lost() -> None:
    found = one(Comparison(name="a - b", one=(NAN, NAN), other=(1.0, 2.0)))
    assert (found.word, found.n, found.mean) == (Word.UNDECIDED, 0, None)


def test_vectorised_words_equal_single_ones() -> None:
    d = np.random.default_rng(3).normal(0.5, 1, (40, 5, 6))
    d[0, 0] = 0
    many = words(d, margin=1.5)
    for study, found in zip(d, many, strict=True):
        family = judge([compare(*row) for row in study], larger_is_better=True, margin=1.5)
        assert [verdict.word for verdict in family] == list(found)


def test_an_empty_family_has_no_verdict() -> None:
    assert judge([], larger_is_better=True) == []
