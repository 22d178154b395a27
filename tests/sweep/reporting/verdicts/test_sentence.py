"""The sentence of a verdict."""

import re

import pytest

from sweep.reporting.verdicts.sentence import number, p_value, sentence
from sweep.statistics.verdict import Comparison, judge

ONE, OTHER = (41.0, 42.0, 40.0, 41.5, 43.0, 40.2), (40.1, 40.8, 39.9, 40.6, 41.0, 40.3)


def said(one: tuple[float, ...], other: tuple[float, ...] = OTHER, metric: str = "chrf", **options) -> str:
    comparison = Comparison(name="SOAP - AdamW", one=one, other=other)
    (verdict,) = judge([comparison], **{"larger_is_better": metric != "dev_loss", **options})
    return sentence(verdict, metric)


def test_a_clear_difference() -> None:
    assert said(ONE) == (
        "SOAP - AdamW: +0.83 chrf, 95 % interval 0.032 to 1.63, n = 6 paired seeds, "
        "p = 0.044 (exact sign flips: 0.094): better"
    )


def test_an_undecided_one_says_what_it_would_take() -> None:
    text = said((41.0, 40.0, 40.3, 41.5, 40.0, 40.9))
    assert re.search(
        r"smallest visible effect [\d.]+: undecided; \d+ more seeds would settle an effect of this size with 80 %", text
    )


def test_a_family_shows_holms_p() -> None:
    comparisons = [Comparison(name=name, one=ONE, other=OTHER) for name in "ab"]
    text = sentence(judge(comparisons, larger_is_better=True)[0], "chrf")
    assert "p = 0.044 (Holm over 2: 0.088; exact sign flips: 0.094), smallest visible effect after Holm" in text


def test_equal_takes_precedence_and_says_what_is_measurable() -> None:
    steady = tuple(value + 0.2 + 0.01 * place for place, value in enumerate(OTHER))
    assert said(steady, margin=1.0).endswith("equal within 1, measurably better by 0.23")
    assert said(tuple(value - 0.2 - 0.01 * place for place, value in enumerate(OTHER)), margin=1.0).endswith(
        "equal within 1, measurably worse by 0.23"
    )


def test_one_seed_and_none() -> None:
    assert (
        said((41.0,), (40.0,)) == "SOAP - AdamW: +1.00 chrf with one seed: undecided; one seed does not show the noise"
    )
    assert said((), ()) == "SOAP - AdamW: no seed has a score on both sides: undecided"


def test_identical_scores_have_no_p() -> None:
    assert said(OTHER) == "SOAP - AdamW: the same chrf with each of 6 paired seeds: identical"


def test_lost_seeds_are_told() -> None:
    lost = (float("nan"), *ONE[1:])
    assert "1 seed diverged or failed" in said(lost)


def test_few_pairs_show_the_limit_of_the_exact_p() -> None:
    assert said((41.0, 41.1, 41.05), (40.0, 40.05, 40.0)).endswith("with 3 pairs the exact p cannot fall below 0.25")


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.345, "12.3"), (0.8, "0.80"), (-0.0374, "-0.037"), (0.00012, "0.00012"), (-1.23e-6, "-1.2e-06"), (0.0, "0")],
)
def test_numbers_have_two_or_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0312, "0.031"), (0.00001, "< 0.0001"), (1.0, "1"), (None, "unknown")])
def test_p_values(value: float | None, text: str) -> None:
    assert p_value(value) == text
