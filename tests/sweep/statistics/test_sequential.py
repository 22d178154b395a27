"""Sequential comparisons: their boundaries, and that they depend on nothing but the seeds' order."""

import numpy as np
import pytest
from scipy import stats

from sweep.statistics.errors import StatisticsError
from sweep.statistics.sequential import USUAL, Decision, Settled, _simulated, boundaries, settle


def test_the_usual_boundaries_are_those_of_a_simulation() -> None:
    assert _simulated(14, 0.05) == pytest.approx(USUAL, rel=0.012)


@pytest.mark.parametrize(("most", "alpha"), [(3, 0.05), (6, 0.05), (20, 0.05), (14, 0.05 / 3)])
def test_the_first_boundary_is_exact_and_all_fall(most: int, alpha: float) -> None:
    found = boundaries(most, alpha)
    assert len(found) == most - 2
    assert found[0] == pytest.approx(stats.t.isf(alpha * 3 / most / 2, 2))
    assert list(found) == sorted(found, reverse=True)


@pytest.mark.parametrize(("most", "alpha"), [(6, 0.05), (20, 0.05)])
def test_the_level_is_spent_by_the_last_look(most: int, alpha: float) -> None:
    d = np.random.default_rng(11).normal(size=(100_000, most))
    crossed = np.zeros(len(d), dtype=bool)
    for n, bound in enumerate(boundaries(most, alpha), start=3):
        crossed |= np.abs(stats.ttest_1samp(d[:, :n], 0, axis=1).statistic) >= bound
    assert crossed.mean() == pytest.approx(alpha, abs=0.002)


def test_a_clear_difference_is_settled_early_and_stays_settled() -> None:
    d = [1.0, 1.1, 0.95, 1.05, -40.0, -40.0]
    assert settle(d[:3]) == settle(d) == Settled(decision=Decision.HIGHER, pairs=3)
    assert settle([-one for one in d]).decision == Decision.LOWER


def test_more_pairs_may_decide() -> None:
    noise = list(np.random.default_rng(0).normal(size=14))
    assert settle(noise[:2]) == Settled(decision=Decision.OPEN, pairs=2)
    assert settle(noise[:13]).decision == Decision.OPEN
    assert settle(noise) == Settled(decision=Decision.UNDECIDED, pairs=14)


def test_a_margin_settles_equal_settings() -> None:
    noise = list(np.random.default_rng(0).normal(0, 0.1, size=14))
    assert settle(noise, margin=2.0).decision == Decision.EQUAL


def test_two_pairs_are_too_few_to_plan_for() -> None:
    with pytest.raises(StatisticsError, match="at least 3 pairs"):
        boundaries(2)
