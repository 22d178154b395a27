"""Importances of drawn points against Optuna, and their floor."""

import math

import numpy as np
import optuna
import pytest

from sweep.statistics.errors import StatisticsError
from sweep.statistics.importance import Domain, importances


def points(seed: int, count: int = 40) -> list[dict[str, object]]:
    generator = np.random.default_rng(seed)
    return [
        {"lr": float(10 ** generator.uniform(-4, -2)), "rank": int(generator.integers(1, 64)), "on": bool(x < 0.5)}
        for x in generator.random(count)
    ]


def loss(settings: dict[str, object]) -> float:
    """A loss that depends on the learning rate alone."""
    return (math.log10(settings["lr"]) + 3) ** 2


def test_shares_equal_optunas() -> None:
    drawn = points(0, 60)
    values = [loss(one) for one in drawn]
    rates, ranks = ([one[name] for one in drawn] for name in ("lr", "rank"))
    found = importances(values, drawn, {"lr": Domain.seen(rates, logarithmic=True)})
    study = optuna.create_study()
    distributions = {
        "lr": optuna.distributions.FloatDistribution(min(rates), max(rates), log=True),
        "rank": optuna.distributions.IntDistribution(min(ranks), max(ranks)),
        "on": optuna.distributions.CategoricalDistribution([drawn[0]["on"], not drawn[0]["on"]]),
    }
    for one, value in zip(drawn, values, strict=True):
        study.add_trial(optuna.trial.create_trial(params=one, distributions=distributions, value=value))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.1)
    expected = optuna.importance.get_param_importances(study, evaluator=evaluator)
    assert {one.axis: one.share for one in found.axes} == pytest.approx(expected)


def test_the_axis_that_matters_stands_out() -> None:
    drawn = points(2, 80)
    rates = Domain(low=1e-4, high=1e-2, logarithmic=True)
    found = importances([loss(one) for one in drawn], drawn, {"lr": rates})
    assert [one.axis for one in found.axes if one.above_noise] == ["lr"]


@pytest.mark.slow
def test_noise_rarely_stands_out() -> None:
    generator = np.random.default_rng(2)
    found = 0
    for seed in range(20):
        drawn = points(seed)
        found += any(one.above_noise for one in importances(list(generator.normal(size=40)), drawn).axes)
    assert found <= 4  # of 20, at about 6 %


def test_few_points_are_refused() -> None:
    with pytest.raises(StatisticsError, match="20 points, not 3"):
        importances([1, 2, 3], points(0, 3))
