"""The set of settings that are tied with the best."""

import numpy as np
import pytest
from scipy import stats

from sweep.statistics.errors import StatisticsError
from sweep.statistics.tied import tied_with_best


def by_hand(x: np.ndarray, alpha: float = 0.05) -> list[bool]:
    """Each pair by SciPy."""
    count = len(x)
    return [
        not any(
            stats.ttest_rel(x[j], x[i], nan_policy="omit", alternative="greater").pvalue < alpha / (count - 1)
            for j in range(count)
            if j != i
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_set_equals_scipys_pairs(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(np.linspace(0, 6, 8)[:, None], 1, (8, 5))
    found = list(tied_with_best(x))
    assert found == by_hand(x)
    assert 1 <= sum(found) < 8


def test_missing_seeds_use_the_common_ones() -> None:
    generator = np.random.default_rng(9)
    x = generator.normal(np.linspace(0, 6, 6)[:, None], 1, (6, 6))
    x[1, 0] = x[4, 3] = x[5, 5] = np.nan
    assert list(tied_with_best(x)) == by_hand(x)


def test_a_setting_with_one_seed_cannot_be_excluded() -> None:
    x = np.array([[1.0, 1.1, 1.05], [9.0, 9.3, 9.1], [1.0, np.nan, np.nan]])
    assert list(tied_with_best(x)) == [False, True, True]


def test_the_best_is_always_in_its_set() -> None:
    x = np.random.default_rng(0).normal(size=(300, 3))
    assert tied_with_best(x)[x.mean(axis=1).argmax()]


def test_one_seed_is_refused() -> None:
    with pytest.raises(StatisticsError, match="2 settings and 2 seeds"):
        tied_with_best([[1.0], [2.0]])
