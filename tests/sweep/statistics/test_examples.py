"""Comparisons over examples against sacrebleu, SciPy and statsmodels."""

import numpy as np
import pytest
from sacrebleu.metrics import CHRF
from sacrebleu.significance import PairedTest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from sweep.statistics.errors import StatisticsError
from sweep.statistics.examples import bootstrap_t, mcnemar_p, randomization_p, sign_p

WORDS = ("shall", "i", "compare", "thee", "to", "a", "summers", "day", "more", "lovely", "rough", "winds", "shake")


def mean(sums: np.ndarray) -> np.ndarray:
    """The score of features (sum, count)."""
    return sums[..., 0] / sums[..., 1]


def with_count(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_randomization_equals_sacrebleu(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both draw 10,000 arrangements; their p differ by the error of the draws alone."""
    monkeypatch.setenv("SACREBLEU_SEED", "7")
    generator = np.random.default_rng(seed)
    texts = [[" ".join(generator.choice(WORDS, 9)) for _ in range(15)] for _ in range(3)]
    metric = CHRF(references=[texts[2]])
    _, scores = PairedTest([("a", texts[0]), ("b", texts[1])], {"chrf": metric}, None, "ar", 10_000)()
    expected = scores["chrF2"][1].p_value
    one, other = (
        np.array([metric._extract_corpus_statistics([text], [[ref]])[0] for text, ref in zip(side, texts[2])])  # noqa: B905
        for side in texts[:2]
    )
    score = np.vectorize(lambda row: metric._compute_f_score(row), signature="(n)->()")
    assert randomization_p(one, other, score) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_the_bootstrap_error_equals_scipys(seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b = generator.normal(0.3, 1, 15), generator.normal(0, 1, 15)
    found = bootstrap_t(with_count(a), with_count(b), mean, samples=20_000)
    error = stats.bootstrap(((a - b),), np.mean, n_resamples=20_000, rng=1).standard_error * np.sqrt(15 / 14)
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 14) * error, rel=0.02)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.difference) / error, 14), rel=0.1)


@pytest.mark.parametrize("seed", range(6))
def test_mcnemar_equals_statsmodels(seed: int) -> None:
    a, b = np.random.default_rng(seed).random((2, 40)) < [[0.6], [0.5]]
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    assert mcnemar_p(a, b) == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)


@pytest.mark.parametrize(("wins", "losses"), [(0, 5), (7, 3), (4, 4), (30, 12)])
def test_the_sign_test_equals_scipy(wins: int, losses: int) -> None:
    assert sign_p(wins, losses) == pytest.approx(stats.binomtest(wins, wins + losses).pvalue, abs=1e-12)
    assert sign_p(0, 0) == 1


def test_equal_classifiers_have_p_one() -> None:
    assert mcnemar_p([True, False], [True, False]) == 1


def test_the_interval_over_15_examples_covers() -> None:
    """The percentile interval covers 91 %; this one 95 %."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(1_000):
        a, b = generator.normal(0, 1, (2, 15))
        found = bootstrap_t(with_count(a), with_count(b), mean, samples=300)
        covered += found.low <= 0 <= found.high
    assert 0.935 <= covered / 1_000 <= 0.965


def test_too_few_examples_are_refused() -> None:
    two = np.ones((2, 2))
    with pytest.raises(StatisticsError, match="needs 3 examples"):
        bootstrap_t(two, two, mean)
    with pytest.raises(StatisticsError, match="needs 2 examples"):
        randomization_p(two[:1], two[:1], mean)
