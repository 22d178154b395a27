"""Two points side by side."""

import pytest
from scipy import stats

from sweep.reporting.inspect.difference import difference
from sweep.reporting.inspect.difference_text import difference_text
from sweep.reporting.inspect.samples import example_scores, is_right
from tests.sweep.reporting.inspect.points import BEST, OTHER, points


def test_settings_and_scores() -> None:
    a, b = points("lora_rank", BEST, OTHER)
    found = difference(a, b)
    assert {key: pair[0] for key, pair in found.settings.items()}.items() <= a.point.columns.items()
    assert all(one != other for one, other in found.settings.values())
    assert "lr" in found.common
    assert found.scores["chrf"] == (a.row["chrf"], b.row["chrf"])
    assert found.cost["train_seconds"] == (a.row["train_seconds"], b.row["train_seconds"])
    assert (found.ranks[0], found.shared_trial) == (1, False)


def test_the_sign_test_equals_scipy() -> None:
    a, b = points("lora_rank", BEST, OTHER)
    one, other = (example_scores(point.samples, "chrf") for point in (a, b))
    wins = sum(other[example] > one[example] for example in one)
    found = difference(a, b).examples
    assert found is not None
    assert (found.wins, found.ties, found.losses) == (wins, 0, 15 - wins)
    assert found.p == pytest.approx(stats.binomtest(wins, 15).pvalue)


def test_classifiers_win_where_only_they_are_right() -> None:
    (best,) = points("sentiment", None)
    a, b = points("sentiment", None, best.rows[1]["point_id"])
    pairs = [(is_right(x), is_right(y)) for x, y in zip(a.samples, b.samples, strict=True)]
    found = difference(a, b).examples
    assert found is not None
    assert (found.wins, found.losses) == (pairs.count((False, True)), pairs.count((True, False)))
    assert found.ties == 400 - found.wins - found.losses


def test_the_text_names_the_better_side() -> None:
    (best,) = points("sentiment", None)
    frozen = next(row["point_id"] for row in best.rows if row.get("freeze") == "base" and row["data"] == "reviews")
    lines = difference_text(difference(*points("sentiment", None, frozen))).splitlines()
    assert "  freeze   not set  base" in lines
    assert next(line for line in lines if line.startswith("  accuracy")).split()[-1] == "a"
    assert next(line for line in lines if line.startswith("  dev_loss")).split()[-1] == "a"
    assert "  trained parameters  543,840      480   0.00" in lines
    assert any("sign test: p < 0.0001" in line for line in lines)


def test_other_data_are_not_compared_by_example() -> None:
    (best,) = points("sentiment", None)
    verdicts = next(row["point_id"] for row in best.rows if row["data"] == "verdicts")
    found = difference(*points("sentiment", None, verdicts))
    assert found.examples is None
    assert "  not compared: they were scored on different data" in difference_text(found).splitlines()
