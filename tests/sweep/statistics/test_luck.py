"""The luck line."""

import itertools

import numpy as np
import pytest

from sweep.statistics.errors import StatisticsError
from sweep.statistics.luck import luck_line


def test_p_equals_an_enumeration() -> None:
    x = np.array([[1.0, 2.0, 3.5], [0.0, 1.5, 2.0], [0.5, 3.0, 1.0]])
    bests = [
        max(np.mean([x[p[0], 0], x[p[1], 1], x[p[2], 2]]) for p in zip(*orders, strict=True))
        for orders in itertools.product(itertools.permutations(range(3)), repeat=3)
    ]
    found = luck_line(x, permutations=20_000)
    assert found.best == pytest.approx(6.5 / 3)
    assert found.p == pytest.approx(np.mean([one >= found.best - 1e-9 for one in bests]), abs=0.01)
    assert found.expected == pytest.approx(np.mean(bests), abs=0.01)


def test_a_setting_far_above_the_rest_is_more_than_luck() -> None:
    x = np.random.default_rng(0).normal(size=(24, 4))
    x[7] += 5
    found = luck_line(x)
    assert found.more_than_luck()
    assert found.best > found.bound > found.expected


def test_equal_settings_are_luck() -> None:
    assert not luck_line(np.random.default_rng(1).normal(size=(24, 4))).more_than_luck()
    assert luck_line(np.ones((5, 3))).p == 1


def test_a_noisy_best_setting_needs_a_test_of_its_own() -> None:
    x = np.random.default_rng(2).normal(0, 0.1, size=(24, 4))
    x[3] = [2.0, 0.1, 1.5, 1.0]
    found = luck_line(x)
    assert found.p <= 0.05 < found.own_p
    assert not found.more_than_luck()


def test_it_is_deterministic() -> None:
    x = np.random.default_rng(3).normal(size=(6, 3))
    assert luck_line(x) == luck_line(x)


def test_one_seed_is_refused() -> None:
    with pytest.raises(StatisticsError, match="one seed does not show"):
        luck_line([[1.0], [2.0]])
    with pytest.raises(StatisticsError, match="2 settings"):
        luck_line([[1.0, 2.0]])
