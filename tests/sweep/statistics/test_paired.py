"""Paired effects against SciPy and an enumeration."""

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from sweep.statistics.errors import StatisticsError
from sweep.statistics.paired import correlation, equivalence_p, outlier, paired_effect, sign_flip_p

CASES = [(seed, n) for seed in range(5) for n in (2, 3, 6, 10)]


def differences(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, 1.0, n)


@pytest.mark.parametrize(("seed", "n"), CASES)
def test_t_equals_scipy(seed: int, n: int) -> None:
    d = differences(seed, n)
    found, expected = paired_effect(d, alpha=0.1), stats.ttest_1samp(d, 0)
    interval = expected.confidence_interval(0.9)
    assert found.n == n
    assert [found.mean, found.sd] == pytest.approx([d.mean(), d.std(ddof=1)], rel=1e-12)
    assert [found.p, found.low, found.high] == pytest.approx([expected.pvalue, interval.low, interval.high], rel=1e-9)


@pytest.mark.parametrize(("seed", "n"), [(seed, n) for seed in range(5) for n in (1, 2, 5, 9)])
def test_sign_flips_equal_an_enumeration(seed: int, n: int) -> None:
    d = differences(seed, n)
    means = [abs(np.dot(signs, d)) for signs in itertools.product((-1, 1), repeat=n)]
    assert sign_flip_p(d) == np.mean([one >= abs(d.sum()) - 1e-9 for one in means])


def test_sign_flips_of_one_sign_give_the_smallest_p() -> None:
    assert sign_flip_p([0.1] * 6) == 2 / 2**6
    assert sign_flip_p([0.1, 0.2, 0.3]) == 0.25


def test_many_sign_flips_are_drawn() -> None:
    d = differences(1, 25)
    assert sign_flip_p(d) == sign_flip_p(d)
    assert sign_flip_p(d) == pytest.approx(paired_effect(d).p, abs=0.02)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("margin", [0.2, 1.0, 2.0])
def test_equivalence_equals_statsmodels(seed: int, margin: float) -> None:
    d = differences(seed, 7)
    assert equivalence_p(d, margin) == pytest.approx(DescrStatsW(d).ttost_mean(-margin, margin)[0], rel=1e-9)


def test_equal_differences_do_not_pass_for_certainty() -> None:
    """Accuracies of 15 examples often differ by the same amount, which says nothing about the noise."""
    found = paired_effect([10 / 15 - 9 / 15, 8 / 15 - 7 / 15, 5 / 15 - 4 / 15])
    assert found.sd == 0
    assert found.p == 0.25
    assert not found.identical


def test_zero_differences_are_identical() -> None:
    found = paired_effect([0.0, 0.0])
    assert found.identical
    assert found.p == 1


def test_correlation_equals_numpy() -> None:
    one, other = differences(1, 6), differences(2, 6)
    assert correlation(one, other) == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert correlation([1, 1, 1], [1, 2, 3]) is None


def test_an_outlier_is_found() -> None:
    assert outlier([0.1, 0.2, 0.15, 0.12, 9.0, 0.18]) == 4
    assert outlier([0.1, 0.2, 0.15, 0.12, 0.17, 0.18]) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_effect([1.0]), "needs 2 seeds, not 1"),
        (lambda: sign_flip_p([]), "needs 1 pair"),
        (lambda: correlation([1, 2], [1, 2]), "needs 3 seeds"),
        (lambda: equivalence_p([1, 2], 0), "above 0"),
        (lambda: outlier([1, 2, 3]), "needs 4 pairs"),
    ],
)
def test_too_little_data_is_refused(call, message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        call()
