"""Means and sds over draws."""

import numpy as np
import pytest

from model.tasks import Evaluation
from model.tasks.draws import over_draws


def test_mean_and_sd_of_each_metric() -> None:
    found = over_draws([Evaluation({"a": value, "b": 2.0}, [{"example": 0, "a": value}]) for value in (1.0, 2.0, 6.0)])
    sd = np.std([1, 2, 6], ddof=1)
    assert found.metrics == pytest.approx({"a": 3.0, "b": 2.0, "a_draw_sd": sd, "b_draw_sd": 0.0})
    assert found.samples == [{"draw": draw, "example": 0, "a": value} for draw, value in enumerate((1.0, 2.0, 6.0))]


def test_single_draw_is_unchanged() -> None:
    one = Evaluation({"a": 1.0}, [{"example": 0}])
    assert over_draws([one]) is one
