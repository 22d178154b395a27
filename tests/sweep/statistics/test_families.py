"""Holm's procedure against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from sweep.statistics.families import holm, holm_level


@pytest.mark.parametrize("seed", range(10))
def test_holm_equals_statsmodels(seed: int) -> None:
    p = np.random.default_rng(seed).beta(0.5, 2, size=12)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-14)


def test_families_are_corrected_one_by_one() -> None:
    p = np.random.default_rng(0).random((4, 5, 6))
    assert np.array_equal(holm(p)[2, 3], holm(p[2, 3]))


@pytest.mark.parametrize("seed", range(10))
def test_the_level_decides_like_the_adjusted_p(seed: int) -> None:
    p = np.random.default_rng(seed).beta(0.2, 2, size=9)
    assert np.array_equal(p <= holm_level(p), holm(p) <= 0.05)


def test_levels_by_hand() -> None:
    assert holm_level([0.001, 0.9, 0.02]) == pytest.approx([0.05 / 3, 0.05 / 1, 0.05 / 2])
    assert holm_level([0.9, 0.8, 0.7]) == pytest.approx([0.05 / 3] * 3)


def test_an_empty_family_is_empty() -> None:
    assert len(holm([])) == 0
