"""Predictions of what chosen settings score on fresh seeds, by simulation."""

import numpy as np
import pytest

from sweep.statistics.errors import StatisticsError
from sweep.statistics.shrinkage import shrinkage


def test_the_factor_by_hand() -> None:
    found = shrinkage([[1, 3], [5, 7], [3, 5]])
    f = 2 * np.var([2, 6, 4], ddof=1) / 2
    assert found.factor == pytest.approx(1 - 1 / f)
    assert found.predict(6.0) == pytest.approx(4 + (1 - 1 / f) * 2)


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_predictions_are_nearly_unbiased(spread: float) -> None:
    """In sds of a score. The raw best is off by up to 1.4."""
    generator = np.random.default_rng(0)
    off, raw = [], []
    for _ in range(4_000):
        truth = generator.normal(0, spread, 24)
        x = truth[:, None] + generator.normal(0, 1, (24, 3))
        best = int(x.mean(axis=1).argmax())
        off.append(shrinkage(x).predict(x[best].mean()) - truth[best])
        raw.append(x[best].mean() - truth[best])
    assert abs(np.mean(off)) < 0.16
    assert abs(np.mean(off)) < np.mean(raw) / 2


def test_too_little_is_refused() -> None:
    with pytest.raises(StatisticsError, match="3 settings and 2 seeds"):
        shrinkage([[1.0, 2.0], [2.0, 3.0]])
