"""Power against statsmodels."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from sweep.statistics.errors import StatisticsError
from sweep.statistics.power import pairs_needed, power, visible_effect

ALPHAS = (0.05, 0.05 / 15)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [2, 3, 6, 20])
@pytest.mark.parametrize("effect", [0.0, 0.5, 1.0, 1.4])  # beyond, SciPy's far tail is NaN, and statsmodels' power too
def test_power_equals_statsmodels(effect: float, n: int, alpha: float) -> None:
    assert power(effect, n, alpha) == pytest.approx(TTestPower().power(effect, n, alpha), abs=1e-8)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [5, 6, 20])
def test_the_visible_effect_equals_statsmodels(n: int, alpha: float) -> None:
    expected = TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8)
    assert visible_effect(n, alpha) == pytest.approx(expected, rel=1e-6)


def test_the_visible_effects_of_the_usual_numbers_of_seeds() -> None:
    """In sds of a difference, at 5 %."""
    assert [round(visible_effect(n), 2) for n in (3, 4, 5, 6, 8, 10)] == [3.26, 2.13, 1.68, 1.43, 1.16, 1.0]


@pytest.mark.parametrize("effect", [0.1, 0.8, 2.0, -0.8])
def test_pairs_needed_are_the_fewest_that_suffice(effect: float) -> None:
    n = pairs_needed(effect)
    assert power(abs(effect), n) >= 0.8
    assert n == 2 or power(abs(effect), n - 1) < 0.8


def test_an_effect_too_small_to_see_has_no_number() -> None:
    assert pairs_needed(1e-6) is None


def test_the_visible_effect_of_three_pairs_in_a_family_by_simulation() -> None:
    d = np.random.default_rng(0).normal(visible_effect(3, 0.05 / 15), 1, (200_000, 3))
    assert np.mean(stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05 / 15) == pytest.approx(0.8, abs=0.004)


def test_one_pair_is_refused() -> None:
    with pytest.raises(StatisticsError, match="needs 2 seeds"):
        power(1.0, 1)
