"""Points are found by the beginning of their ids."""

import pytest

from sweep.errors import RunError
from sweep.reporting.leaderboard import load_rows
from tests.sweep.reporting.inspect.points import BEST, OTHER, points


def test_none_is_the_best_point() -> None:
    best, other = points("lora_rank", None, OTHER[:5])
    assert (best.point.point_id, best.row["rank"]) == (BEST, 1)
    assert other.point.point_id == OTHER
    assert best.row == load_rows(best.folder)[0]
    assert len(best.samples) == 8 * 15


def test_a_baseline_is_not_ranked() -> None:
    (best,) = points("lora_rank", None)
    (baseline,) = points("lora_rank", best.point.baseline.point_id)
    assert baseline.row.get("rank") is None
    assert baseline.row["chrf"] == best.row["base_chrf"]


@pytest.mark.parametrize(("wanted", "message"), [("zzz", "has no point 'zzz'"), ("", r"is ambiguous: \d+ ids")])
def test_unknown_and_ambiguous_ids_are_refused(wanted: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        points("lora_rank", wanted)
