"""Agreement of orders, against SciPy."""

import numpy as np
import pytest
from scipy import stats

from sweep.statistics.agreement import agreement, rank_correlation
from sweep.statistics.errors import StatisticsError


@pytest.mark.parametrize("count", [12, 150])
@pytest.mark.parametrize("seed", range(5))
def test_tau_equals_scipy(seed: int, count: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 6, (2, count)).astype(float)
    found = agreement(a, b)
    assert found.tau == pytest.approx(stats.kendalltau(a, b).statistic)
    assert found.low <= found.tau <= found.high


def test_regret_is_what_the_rung_gives_away() -> None:
    found = agreement([1.0, 2.0, 3.0, 4.0], [5.5, 5.0, 6.0, 7.0])
    assert found.regret == 0.5


def test_equal_orders_agree_fully() -> None:
    found = agreement(np.arange(8.0), np.arange(8.0) ** 2)
    assert [found.tau, found.low, found.high, found.regret] == pytest.approx([1, 1, 1, 0])


def test_intervals_of_few_and_many_trials_meet() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 101))
    a, b = noise[0], noise[0] + noise[1]
    few, many = agreement(a[:100], b[:100]), agreement(a, b)
    assert [many.low, many.high] == pytest.approx([few.low, few.high], abs=0.04)


def test_three_trials_have_no_interval() -> None:
    found = agreement([1, 2, 3], [1, 3, 2])
    assert (found.tau, found.low, found.high) == (pytest.approx(1 / 3), None, None)


def test_too_few_trials_are_refused() -> None:
    with pytest.raises(StatisticsError, match="2 trials"):
        agreement([1], [1])
    with pytest.raises(StatisticsError, match="different losses"):
        agreement([1, 1, 1, 1], [1, 2, 3, 4])


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlation_equals_scipy(seed: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 6, (2, 12)).astype(float)
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)


def test_rank_correlation_needs_three_pairs_that_differ() -> None:
    assert rank_correlation([1.0, 2.0, 3.0], [4.0, 5.0, 900.0]) == pytest.approx(1)
    assert rank_correlation([1.0, 2.0, 3.0], [4.0, 4.0, 4.0]) is None
    with pytest.raises(StatisticsError, match="needs 3"):
        rank_correlation([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(StatisticsError, match="needs pairs"):
        rank_correlation([1.0, 2.0, 3.0], [1.0, 2.0])
