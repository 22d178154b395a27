"""Durations, budgets, and what a run has spent of one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.budget import spent
from sweep.leaderboard import load_rows
from sweep.policy import Budget, Limits, parse_duration, say_duration
from sweep.run_folder import RunFolder
from sweep.state import RunState, fold, state_of
from sweep.status import Status
from tests.sweep.test_driver import Scripted, drive, folder

Sweep = Callable[..., Result]
__all__ = ["folder"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1d", 86400), ("0.5s", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(say_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-1s", "1 h", "1w", "nan", "1e3s", "trials", "2.5trials", "gpuh"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Budget.parse(text)


@pytest.mark.parametrize("text", ["30m", "40trials", "2gpuh", "0.5gpuh"])
def test_budgets_say_themselves(text: str) -> None:
    assert str(Budget.parse(text)) == text
    limits = Limits(budget=Budget.parse(text), trial_timeout=5.0)
    assert Limits.from_dict(limits.as_dict()) == limits


def event(kind: str, elapsed: float, **content: object) -> dict[str, object]:
    return {"seq": 1, "time": "2026-01-01T00:00:00+00:00", "event": kind, "elapsed": elapsed, **content}


def test_what_all_sessions_have_spent() -> None:
    running = {"trial_id": "a", "attempt": 1, "status": "RUNNING"}
    again = {"trial_id": "a", "attempt": 2, "status": "RUNNING"}
    state: RunState = fold(
        [
            event("session", 0.0),
            event("status", 10.0, **running),
            event("status", 40.0, **{**running, "status": "INTERRUPTED"}),
            event("session", 0.0),
            event("status", 5.0, **again),
        ]
    )
    used = spent(state, {"a", "b"}, elapsed=25.0, gpus_per_trial=0.5)
    assert (used.seconds, used.trials) == (40 + 25, 1)
    assert used.gpu_hours == pytest.approx((30 + 20) * 0.5 / 3600)
    assert used.beyond(Budget(seconds=65), now=True) == "the budget of 65s is spent"
    assert used.beyond(Budget(seconds=66), now=True) is None
    assert used.beyond(Budget(trials=1), now=False) is not None
    assert used.beyond(Budget(trials=1), now=True) is None  # what was begun may end


def test_a_budget_of_trials_begins_no_more_and_a_larger_one_goes_on(folder: RunFolder) -> None:
    outcome = drive(folder, Scripted(), budget=Budget(trials=3))
    assert outcome.spent == "the budget of 3trials is spent"
    statuses = sorted(row["status"] for row in load_rows(folder))
    assert statuses == [Status.COMPLETED] * 3 + [Status.PENDING]
    assert drive(folder, Scripted(), budget=Budget(trials=4)).spent is None
    assert {row["status"] for row in load_rows(folder)} == {Status.COMPLETED}


def test_a_budget_of_time_interrupts_and_the_command_says_how_to_go_on(sweep: Sweep, micro: Path, out: Path) -> None:
    longer = ("run", micro, "--set", "epochs=40", "--executor", "inline")
    result = sweep(*longer, "--budget", "0.5s")
    assert result.exit_code == 0
    assert "the budget of 0.5s is spent" in result.stderr
    assert "sweep resume micro" in result.stderr
    statuses = {row["status"] for row in load_rows(RunFolder(out / "micro"))}
    assert statuses & {Status.INTERRUPTED, Status.PENDING}
    assert sweep("resume", "micro", "--budget", "1h").exit_code == 0
    assert {row["status"] for row in load_rows(RunFolder(out / "micro"))} == {Status.COMPLETED}


def test_a_trial_beyond_its_time_fails_and_is_not_tried_again(sweep: Sweep, micro: Path, out: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--trial-timeout", "0.001s")
    assert result.exit_code == 4
    rows = load_rows(RunFolder(out / "micro"))
    assert {(row["status"], row["failure"], row["attempt"]) for row in rows} == {(Status.FAILED, "timeout", 1)}
    assert "--trial-timeout is 0.001s" in rows[0]["stop_reason"]
    assert sweep("resume", "micro", "--trial-timeout", "0").exit_code == 0
    assert {trial.status for trial in state_of(RunFolder(out / "micro")).trials.values()} == {Status.COMPLETED}
