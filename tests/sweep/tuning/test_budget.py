"""Budgets: how spending is counted, and how a run stops and resumes."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sweep.execution.driver import run_session
from sweep.planning.config import Budget, RunLimits, TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import load_rows
from sweep.reporting.reporter import SilentReporter
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, fold, load_state
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, complete, drive, fake_report
from sweep.tuning.budget import Spent, spent
from tests.sweep.curves import Killed, ends, session, trains
from tests.sweep.made_up import event

Sweep = Callable[..., Result]


def events(*told: tuple[str, float, dict[str, Any]]) -> RunState:
    return fold(event(kind, elapsed=at, **more) for kind, at, more in told)


SESSION: tuple[str, float, dict[str, Any]] = ("session", 0.0, {"command": []})


def begins(name: str, at: float, attempt: int = 1) -> tuple[str, float, dict[str, Any]]:
    return "status", at, {"trial_id": name, "attempt": attempt, "status": "RUNNING"}


def ended(name: str, at: float, status: str = "COMPLETED", attempt: int = 1) -> tuple[str, float, dict[str, Any]]:
    return "status", at, {"trial_id": name, "attempt": attempt, "status": status}


def test_all_sessions_count_together() -> None:
    state = events(
        SESSION, begins("base", 1), ended("base", 2), begins("a", 2), ended("a", 12), begins("b", 12),
        ended("b", 20, "INTERRUPTED"),
        SESSION, begins("b", 5, 2), ended("b", 8, attempt=2), begins("c", 8),
    )  # fmt: skip
    assert state.seconds == [20, 8]
    used = spent(state, {"a", "b", "c", "d"}, elapsed=18.0, gpus_per_trial=0.5)
    assert (used.seconds, used.trials) == (38.0, 3)
    assert used.gpu_hours == pytest.approx((10 + 8 + 3 + 10) * 0.5 / 3600)


def test_a_session_that_was_killed_counts_to_its_last_word() -> None:
    state = events(
        SESSION,
        begins("a", 1),
        SESSION,
        ended("a", 0.1, "INTERRUPTED"),
    )
    assert state.seconds == [1, 0.1]
    assert spent(state, {"a"}, elapsed=3.0, gpus_per_trial=1).seconds == 4.0
    assert state.trial("a").seconds == 0


@pytest.mark.parametrize(
    ("text", "launching", "running"),
    [("100s", True, True), ("101s", False, False), ("4trials", True, False), ("5trials", False, False),
     ("2gpuh", True, True), ("2.1gpuh", False, False)],
)  # fmt: skip
def test_a_budget_of_trials_lets_running_ones_end(text: str, launching: bool, running: bool) -> None:
    budget, used = Budget.parse(text), Spent(seconds=100.0, trials=4, gpu_hours=2.0)
    said = used.over_budget(budget, now=False)
    assert said == (f"the budget of {budget} is spent" if launching else None)
    assert (used.over_budget(budget, now=True) is not None) == running


@pytest.fixture
def folder(micro: Path, out: Path) -> RunFolder:
    return prepare(RunRequest(space=str(micro), out=out)).open_or_create()


def statuses(folder: RunFolder) -> list[Status]:
    return sorted(row["status"] for row in load_rows(folder))


def test_trial_budget_stops_the_run_and_resumes(sweep: Sweep, micro: Path, out: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--budget", "2trials")
    assert result.exit_code == 5
    assert "2 COMPLETED, 2 PENDING" in result.stdout
    assert "the budget of 2trials is spent; continue with a larger budget: sweep resume micro" in result.stderr
    same = sweep("resume", "micro")  # the budget that it began with holds
    assert same.exit_code == 5
    assert "2 COMPLETED, 2 PENDING" in same.stdout
    more = sweep("resume", "micro", "--budget", "3trials")
    assert "3 COMPLETED, 1 PENDING" in more.stdout
    assert "4 COMPLETED" in sweep("resume", "micro", "--budget", "40trials").stdout


def test_unused_budget_is_not_mentioned(sweep: Sweep, micro: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--budget", "4trials")
    assert "4 COMPLETED" in result.stdout
    assert "budget" not in result.stderr


def test_time_budget_interrupts_trials_that_resume(sweep: Sweep, micro: Path, out: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--budget", "0.01s")
    assert result.exit_code == 5
    assert "the budget of 0.01s is spent" in result.stderr
    assert "COMPLETED" not in result.stdout
    done = sweep("resume", "micro", "--budget", "1h")
    assert done.exit_code == 0
    assert "4 COMPLETED" in done.stdout


def test_a_budget_of_time_counts_earlier_sessions(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session of 40 s by the clock: the third one is the last to begin anything."""
    begun = []
    for _ in range(5):
        now = iter(range(0, 10_000, 1))
        monkeypatch.setattr("time.monotonic", lambda now=now: float(next(now)))

        def die(job: Any, listener: Any) -> None:
            listener.started(job)
            while listener.recorder.elapsed() < 40:
                pass
            listener.reported(job, fake_report(job, 1))
            raise Killed

        scripted = ScriptedExecutor(die)
        with contextlib.suppress(Killed):
            drive(folder, scripted, budget=Budget.parse("100s"))
        begun.append(len(scripted.jobs))
    assert begun == [1, 1, 1, 0, 0]


def test_started_trials_finish_within_a_trial_budget_after_kills(folder: RunFolder) -> None:
    limits = RunLimits(budget=Budget.parse("2trials"))
    for _ in range(20):
        try:
            run_session(folder, trains(last_word=1), SilentReporter(), ["sweep"], limits=limits, use_cache=False)
            break
        except Killed:
            continue
    assert statuses(folder) == [Status.COMPLETED] * 2 + [Status.PENDING] * 2


def test_started_trials_are_promoted_within_a_trial_budget(micro: Path, out: Path) -> None:
    tune_config = TuneConfig(scheduler="asha-promote", reduction_factor=2)
    request = RunRequest(space=str(micro), out=out, tune_config=tune_config, settings=["epochs=4"])
    folder = prepare(request).open_or_create()
    session(folder, trains(), budget=Budget.parse("3trials"))
    assert statuses(folder) == [Status.COMPLETED, Status.PENDING, Status.STOPPED, Status.STOPPED]
    state = session(folder, trains(), budget=Budget.parse("4trials")).state
    assert Status.PENDING not in {status for status, _, _ in ends(state).values()}
    assert load_state(folder).sessions[1].limits.budget == Budget.parse("4trials")


def test_lost_worker_is_replaced_within_a_trial_budget(folder: RunFolder) -> None:
    from sweep.store.failure import Failure

    lost: list[str] = []

    def lose_once(job: Any, listener: Any) -> None:
        if job.points[0][1]["epochs"] == 0 or lost:
            return complete(job, listener)
        lost.append(job.trial_id)
        listener.started(job)
        return listener.lost(job, Failure.WORKER_LOST, "killed")

    drive(folder, ScriptedExecutor(lose_once), budget=Budget.parse("1trials"))
    assert statuses(folder) == [Status.COMPLETED] + [Status.PENDING] * 3


def test_a_timeout_ends_a_trial_which_is_not_tried_again(sweep: Sweep, micro: Path, out: Path) -> None:
    result = sweep("run", micro, "--executor", "inline", "--trial-timeout", "0.001s")
    assert result.exit_code == 4
    rows = load_rows(RunFolder(out / "micro"))
    assert {(row["status"], row["failure"], row["attempt"]) for row in rows} == {(Status.FAILED, "timeout", 1)}
    assert "timeout: the trial ran for" in rows[0]["stop_reason"]
    assert "longer than --trial-timeout 0.001s" in rows[0]["stop_reason"]
    assert sweep("resume", "micro").exit_code == 4
    rows = load_rows(RunFolder(out / "micro"))
    assert {row["attempt"] for row in rows} == {1}, "no epoch more in a time that has run out"
    assert "4 COMPLETED" in sweep("resume", "micro", "--trial-timeout", "1h").stdout


def test_a_timeout_counts_all_attempts_together(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:

    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    left = []

    def work(job: Any, listener: Any) -> None:
        if job.points[0][1]["epochs"] == 0:
            return complete(job, listener)
        left.append(job.seconds_left)
        listener.started(job)
        clock[0] += 30
        listener.reported(job, fake_report(job, 1))
        raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            drive(folder, ScriptedExecutor(work), trial_timeout=100.0)
    assert left == [100.0, 70.0]
