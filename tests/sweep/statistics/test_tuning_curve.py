"""Tuning curves against opda."""

import numpy as np
import pytest
from opda.nonparametric import EmpiricalDistribution

from sweep.statistics.errors import StatisticsError
from sweep.statistics.tuning_curve import tuning_curve


@pytest.mark.parametrize("count", [3, 5, 25, 61])  # odd: opda's sums of 1 / n just miss one half where n is even
def test_medians_and_bands_equal_opda(count: int) -> None:
    scores = np.random.default_rng(count).normal(40, 1, count)
    found = tuning_curve(scores)
    low_cdf, cdf, high_cdf = EmpiricalDistribution.confidence_bands(scores, 0.95, a=-np.inf, b=np.inf, method="ks")
    for mine, theirs in ((found.median, cdf), (found.low, high_cdf), (found.high, low_cdf)):
        assert mine == pytest.approx(theirs.quantile_tuning_curve(found.k), abs=1e-9)


def test_the_band_covers_the_true_curve() -> None:
    generator, k = np.random.default_rng(1), np.arange(1, 25)
    truth = 0.5 ** (1 / k)  # the median of the best of k uniform scores
    covered = 0
    for _ in range(1_000):
        found = tuning_curve(generator.random(24))
        covered += bool(np.all((found.low <= truth) & (truth <= found.high)))
    assert covered / 1_000 >= 0.935


def test_one_point_is_refused() -> None:
    with pytest.raises(StatisticsError, match="2 points"):
        tuning_curve([1.0])
