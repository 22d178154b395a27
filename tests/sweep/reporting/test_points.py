"""Points of a run, found by id or as the best one; and what a run without a finished point says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.errors import RunError
from sweep.reporting.leaderboard import load_rows
from sweep.reporting.points import best_row, find_point
from sweep.store.run_folder import RunFolder

Sweep = Callable[..., Result]


def test_the_best_point_is_the_first_row(finished: Path) -> None:
    folder = RunFolder(finished)
    assert find_point(folder, None).point_id == best_row(folder, load_rows(folder))["point_id"]


def test_an_unknown_point_is_refused(finished: Path) -> None:
    with pytest.raises(RunError, match="has no point 'zzz': `sweep report micro --rows` lists the ids"):
        find_point(RunFolder(finished), "zzz")


def test_a_run_that_has_not_begun_can_be_continued(sweep: Sweep, micro: Path, out: Path) -> None:
    assert sweep("run", micro, "--executor", "inline", "--budget", "0trials").exit_code == 5
    with pytest.raises(RunError, match="no finished point yet: continue it with `sweep resume micro"):
        find_point(RunFolder(out / "micro"), None)


def test_a_run_that_diverged_asks_for_other_settings(sweep: Sweep, micro: Path, out: Path) -> None:
    assert sweep("run", micro, "--executor", "inline", "--set", "lr=1e30").exit_code == 4
    with pytest.raises(RunError) as caught:
        find_point(RunFolder(out / "micro"), None)
    reason = load_rows(RunFolder(out / "micro"))[0]["stop_reason"]
    assert f"no finished point: all 4 failed or diverged (the first: {reason}). They would" in str(caught.value)


def test_a_run_that_failed_names_its_tracebacks(finished: Path) -> None:
    rows = [{"status": "FAILED", "stop_reason": "OSError: disk full"}, {"status": "DIVERGED"}]
    with pytest.raises(
        RunError, match=r"\(the first: OSError: disk full\). Tracebacks are in .*micro/logs. Remove the"
    ) as caught:
        best_row(RunFolder(finished), rows)
    assert "sweep resume micro" in str(caught.value)
