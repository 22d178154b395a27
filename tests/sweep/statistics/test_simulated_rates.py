"""How often the rules err, by simulation with a fixed seed: 20,000 studies each.

Sds are those of one setting over seeds.
"""

from collections.abc import Callable

import numpy as np
import pytest

from sweep.statistics.luck import PERMUTATIONS, luck_line, permuted_bests
from sweep.statistics.paired import paired_effect
from sweep.statistics.sequential import Decision, boundaries, settle
from sweep.statistics.tied import tied_with_best
from sweep.statistics.verdict import Comparison, Word, judge, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STUDIES = 20_000
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.normal(size=shape)


def t3(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.standard_t(3, size=shape)


def skewed(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.exponential(size=shape) - 1


def laplace(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.laplace(size=shape)


def unequal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Every other setting has 16 times the sd of the rest; settings are the second-last axis."""
    sds = np.where(np.arange(shape[-2]) % 2, 16.0, 1.0)
    return generator.normal(size=shape) * sds[:, None]


NOISES = {"normal": normal, "unequal": unequal, "t3": t3, "skewed": skewed}


def rates(found: np.ndarray) -> float:
    return float(np.mean(found))


@pytest.mark.parametrize("n", range(2, 11))
@pytest.mark.parametrize("noise", NOISES)
def test_false_words_and_coverage(noise: str, n: int) -> None:
    """15 comparisons of equal settings with one reference setting."""
    generator = np.random.default_rng(n)
    x = NOISES[noise](generator, (STUDIES, 16, n))
    d = x[:, 1:] - x[:, :1]
    single = words(d[:, :1])
    assert rates((single == Word.BETTER) | (single == Word.WORSE)) <= 0.055
    family = words(d)
    assert rates(((family == Word.BETTER) | (family == Word.WORSE)).any(axis=1)) <= 0.055
    effect = paired_effect(d[:, 0])
    covered = rates((effect.low <= 0) & (effect.high >= 0))
    assert covered >= 0.94
    if noise in ("normal", "unequal"):
        assert covered <= 0.96


@pytest.mark.parametrize(("n", "correlation", "least"), [(6, 0.0, 0.75), (6, 0.5, 0.95), (8, 0.0, 0.9)])
def test_effects_of_two_sds_are_found(n: int, correlation: float, least: float) -> None:
    generator = np.random.default_rng(1)
    common = generator.normal(size=(STUDIES, 1, n)) * correlation**0.5
    a, b = (common + generator.normal(size=(STUDIES, 1, n)) * (1 - correlation) ** 0.5 for _ in range(2))
    assert rates(words(2 + a - b) == Word.BETTER) >= least


@pytest.mark.parametrize("n", [3, 6, 10])
@pytest.mark.parametrize("noise", NOISES)
def test_equal_is_rarely_wrong(noise: str, n: int) -> None:
    """Effects of exactly the margin, 2 sds of the noisier side."""
    generator = np.random.default_rng(n)
    x = NOISES[noise](generator, (STUDIES, 2, n))
    margin = 2 * float(np.std(x, axis=(0, 2)).max())
    d = (x[:, 1:] - x[:, :1]) + margin
    assert rates(words(d, margin=margin) == Word.EQUAL) <= 0.05


@pytest.mark.parametrize("n", [3, 6])
@pytest.mark.parametrize("settings", [4, 24, 72])
@pytest.mark.parametrize("noise", ["normal", "unequal", "t3"])
def test_the_truly_best_stays_tied(noise: str, settings: int, n: int) -> None:
    """All settings are equal, so that each of them is the best: the hardest case."""
    generator = np.random.default_rng(settings + n)
    kept = 0
    for _ in range(STUDIES):
        kept += bool(tied_with_best(NOISES[noise](generator, (settings, n)))[-1])
    assert kept / STUDIES >= 0.94


@pytest.mark.parametrize(("noise", "bound"), [("normal", 0.055), ("t3", 0.055), ("skewed", 0.055), ("unequal", 0.08)])
@pytest.mark.parametrize(("settings", "n"), [(8, 3), (24, 3), (24, 6)])
def test_the_luck_line_on_null_grids(settings: int, n: int, noise: str, bound: float) -> None:
    """The permutations are shared by the studies, 400 of them; the test of a noisy best is the shipped one."""
    generator = np.random.default_rng(settings * n)
    x = NOISES[noise](generator, (STUDIES, settings, n))
    best = x.mean(axis=2).max(axis=1)
    reached = np.zeros(STUDIES)
    for part in range(0, STUDIES, 2_000):
        chunk = permuted_bests(x[part : part + 2_000], 400, seed=1)
        reached[part : part + 2_000] = np.sum(chunk >= best[part : part + 2_000], axis=0)
    suspects = np.flatnonzero((1 + reached) / 401 <= 0.05)
    confirmed = sum(luck_line(x[place], permutations=10).own_p in (None, *_below(x[place])) for place in suspects)
    assert confirmed / STUDIES <= bound


def _below(x: np.ndarray) -> tuple[float, ...]:
    """The own p of the best setting, if it is below 5 %."""
    own = luck_line(x, permutations=10).own_p
    return (own,) if own is not None and own <= 0.05 else ()


def test_the_shipped_luck_line_uses_enough_permutations() -> None:
    generator = np.random.default_rng(0)
    found = [luck_line(generator.normal(size=(24, 3))).more_than_luck() for _ in range(500)]
    assert PERMUTATIONS >= 2_000
    assert rates(np.array(found)) <= 0.075  # 5 % + 2.5 standard errors


@pytest.mark.parametrize("noise", [normal, laplace, t3], ids=lambda draw: draw.__name__)
def test_settle_holds_its_level(noise: Draw) -> None:
    decided, _ = settled(noise(np.random.default_rng(5), (STUDIES, 14)))
    assert decided <= 0.055


@pytest.mark.parametrize(("effect", "most_pairs"), [(2**0.5, 8.0), (2.0, 6.0)], ids=["uncorrelated", "correlated"])
def test_settle_needs_few_pairs_for_two_sds(effect: float, most_pairs: float) -> None:
    """`effect` in sds of a pair's difference: 2 sds of a setting at the correlations 0 and 0.5."""
    d = np.random.default_rng(6).normal(effect, 1, (STUDIES, 14))
    decided, pairs = settled(d)
    fixed = rates(words(d[:, None, :10]) == Word.BETTER)
    assert pairs <= most_pairs
    assert decided >= fixed - 0.001  # two standard errors


def settled(d: np.ndarray) -> tuple[float, float]:
    """Return the share decided and the mean number of pairs, for many studies at once."""
    bounds, n = boundaries(), np.arange(3, d.shape[1] + 1)
    sums, squares = d.cumsum(axis=1)[:, 2:], (d**2).cumsum(axis=1)[:, 2:]
    t = np.abs(sums) / np.sqrt(n * (squares - sums**2 / n) / (n - 1))
    crossed = t >= bounds
    pairs = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 3, d.shape[1])
    for study, count, ends in zip(d[:200], pairs, crossed.any(axis=1), strict=False):
        found = settle(study)  # the shipped function agrees
        assert (found.pairs, found.decision != Decision.UNDECIDED) == (count, ends)
    return rates(crossed.any(axis=1)), float(pairs.mean())


def test_selectively_diverged_seeds_rarely_give_a_false_better() -> None:
    """Equal settings, six seeds; the first one diverges in those of its worst seeds that fall below -1 sd."""
    generator, false = np.random.default_rng(7), 0
    for _ in range(STUDIES):
        a, b = generator.normal(size=(2, 6))
        a = np.where((a < -1) & (generator.random(6) < 0.8), np.nan, a)
        found = judge([Comparison(name="a - b", one=tuple(a), other=tuple(b))], larger_is_better=True)
        false += found[0].word == Word.BETTER
    assert false / STUDIES <= 0.03
