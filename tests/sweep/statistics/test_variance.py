"""Sources of variance, by simulation."""

import numpy as np
import pytest

from sweep.statistics.errors import StatisticsError
from sweep.statistics.variance import example_noise, noise, noise_of_means

SETTINGS, SEEDS, DRAWS = 24, 4, 8


def study(generator: np.random.Generator, seed_sd: float = 1.0, draw_sd: float = 2.0) -> np.ndarray:
    """Scores of settings of different means."""
    return (
        generator.normal(40, 3, (SETTINGS, 1, 1))
        + generator.normal(0, seed_sd, (SETTINGS, SEEDS, 1))
        + generator.normal(0, draw_sd, (SETTINGS, SEEDS, DRAWS))
    )


def test_components_are_unbiased_and_their_intervals_cover() -> None:
    generator = np.random.default_rng(0)
    found = [noise(study(generator)) for _ in range(1_500)]
    assert np.mean([one.seed.variance for one in found]) == pytest.approx(1, rel=0.05)
    assert np.mean([one.draw.variance for one in found]) == pytest.approx(4, rel=0.02)
    assert 0.93 <= np.mean([one.seed.low <= 1 <= one.seed.high for one in found]) <= 0.98
    assert 0.935 <= np.mean([one.draw.low <= 4 <= one.draw.high for one in found]) <= 0.965


def test_components_equal_the_balanced_formulas() -> None:
    x = study(np.random.default_rng(1))
    within = x.var(axis=2, ddof=1).mean()
    between = x.mean(axis=2).var(axis=1, ddof=1).mean()
    found = noise(x)
    assert found.draw.variance == pytest.approx(within)
    assert found.seed.variance == pytest.approx(between - within / DRAWS)


def test_means_and_variances_suffice() -> None:
    x = study(np.random.default_rng(6))
    assert noise_of_means(x.mean(axis=2), x.var(axis=2, ddof=1), DRAWS) == noise(x)


def test_one_draw_leaves_only_the_seed() -> None:
    found = noise(study(np.random.default_rng(2))[:, :, :1])
    assert found.draw is None
    assert found.seeds_worth(8) == 0


def test_more_draws_are_worth_seeds() -> None:
    """With n = 4 and K = 8: (1 + 4 / 8) / (1 + 4 / 16) = 1.2 times the precision, as 0.8 more seeds would give."""
    x = study(np.random.default_rng(3))
    found = noise(x)
    now, then = (found.seed.variance + found.draw.variance / draws for draws in (8, 16))
    assert found.seeds_worth(8) == pytest.approx(4 * (now / then - 1))
    assert found.seeds_worth(8) == pytest.approx(0.8, abs=0.3)


def test_a_negative_estimate_is_shown_as_zero() -> None:
    generator = np.random.default_rng(4)
    negative = [one for one in (noise(study(generator, seed_sd=0)) for _ in range(40)) if one.seed.is_negative]
    assert negative
    assert all(one.seed.variance == 0 and one.seed.low == 0 < one.seed.high for one in negative)


def test_the_variance_of_the_choice_of_examples() -> None:
    generator = np.random.default_rng(5)
    found = []
    for _ in range(1_000):
        easy = generator.normal(0, 3, (1, 40))
        found.append(example_noise(generator.normal(0, 1, (6, 1)) + easy + generator.normal(0, 2, (6, 40))))
    truth = 9 / 40
    assert np.mean([one.variance for one in found]) == pytest.approx(truth, rel=0.05)
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98


def test_few_degrees_of_freedom_are_refused() -> None:
    with pytest.raises(StatisticsError, match="20 degrees of freedom, not 9"):
        noise(np.zeros((3, 4, 2)))
    with pytest.raises(StatisticsError, match="21 dev examples"):
        example_noise(np.zeros((3, 15)))
