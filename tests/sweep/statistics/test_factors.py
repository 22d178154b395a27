"""The analysis of variance against statsmodels."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols

from sweep.statistics.errors import StatisticsError
from sweep.statistics.factors import anova, average, level_effects
from sweep.statistics.paired import paired_effect


def grid(seed: int, drop: int = 0) -> pd.DataFrame:
    """A grid of three factors and four seeds with an effect of `a` and of a x b; `drop` rows are missing."""
    generator = np.random.default_rng(seed)
    cells = itertools.product("xyz", "pq", "uv", range(4))
    frame = pd.DataFrame(cells, columns=["a", "b", "c", "seed"])
    frame["y"] = generator.normal(size=len(frame)) + (frame.a == "x") + 2.0 * ((frame.a == "y") & (frame.b == "q"))
    return frame.drop(generator.choice(len(frame), drop, replace=False)).reset_index(drop=True)


def factors(frame: pd.DataFrame) -> dict[str, list[object]]:
    return {name: list(frame[name]) for name in "abc"}


@pytest.mark.parametrize("drop", [0, 7])
@pytest.mark.parametrize("seed", range(3))
def test_type_two_equals_statsmodels(seed: int, drop: int) -> None:
    frame = grid(seed, drop)
    expected = sm.stats.anova_lm(ols("y ~ C(seed) + (C(a) + C(b) + C(c))**2", frame).fit(), typ=2)
    table = anova(list(frame.y), factors(frame), list(frame.seed))
    for term in table.terms:
        row = expected.loc[":".join(f"C({name})" for name in term.name.split(" x "))]
        assert term.df == row["df"]
        assert term.squares == pytest.approx(row["sum_sq"], rel=1e-8)
        assert term.p == pytest.approx(row["PR(>F)"], rel=1e-7, abs=1e-12)
    assert table.error_df == expected.loc["Residual", "df"]
    assert table.error_square == pytest.approx(expected.loc["Residual", "sum_sq"] / table.error_df, rel=1e-8)


def test_shares_add_up_on_a_full_grid() -> None:
    frame = grid(0)
    table = anova(list(frame.y), factors(frame), list(frame.seed))
    seeds = frame.groupby("seed").y.mean()
    blocks = len(frame) / 4 * float(np.sum((seeds - frame.y.mean()) ** 2))
    total = float(np.sum((frame.y - frame.y.mean()) ** 2))
    rest = (blocks + table.error_df * table.error_square) / total
    assert sum(term.share for term in table.terms) + rest == pytest.approx(1)


def test_without_rows_for_the_error_only_shares_are_given() -> None:
    frame = grid(0)
    one = frame[(frame.seed == 0) & (frame.c == "u")]
    table = anova(list(one.y), {"a": list(one.a), "b": list(one.b)}, list(one.seed))
    assert table.error_square is None
    assert all(term.p is None and term.adjusted is None and term.omega2 is None for term in table.terms)
    assert sum(term.share for term in table.terms) == pytest.approx(1)


def test_rows_of_one_trial_are_averaged() -> None:
    values, levels, blocks = average([1.0, 3.0, 5.0], ["t", "t", "u"], {"a": ["x", "x", "y"]}, [0, 0, 1])
    assert (values, levels, blocks) == ([2.0, 5.0], {"a": ["x", "y"]}, [0, 1])


def test_level_effects_are_paired_over_seeds() -> None:
    frame = grid(1)
    found = level_effects(list(frame.y), factors(frame), list(frame.seed), {"a": "x", "b": "p", "c": "u"})
    table = frame.pivot_table(index="seed", columns="a", values="y")
    effect = next(one for one in found if one.level == "z")
    expected = paired_effect(table["z"] - table["x"])
    assert [effect.mean, effect.low, effect.high, effect.p] == pytest.approx(
        [float(one) for one in (expected.mean, expected.low, expected.high, expected.p)]
    )
    assert len(found) == 4
    assert effect.adjusted >= effect.p


def test_a_null_grid_is_called_significant_in_at_most_five_percent() -> None:
    """Any term of the table, after Holm."""
    generator, frame = np.random.default_rng(5), grid(0)
    found = 0
    for _ in range(400):
        table = anova(list(generator.normal(size=len(frame))), factors(frame), list(frame.seed))
        found += any(term.adjusted <= 0.05 for term in table.terms)
    assert found / 400 <= 0.075  # 5 % + 2.3 standard errors


def test_without_a_factor_that_varies_it_is_refused() -> None:
    with pytest.raises(StatisticsError, match="factor that varies"):
        anova([1.0, 2.0], {"a": ["x", "x"]}, [0, 1])
    with pytest.raises(StatisticsError, match="2 seeds"):
        level_effects([1.0, 2.0], {"a": ["x", "y"]}, [0, 0], {"a": "x"})
