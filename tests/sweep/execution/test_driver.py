"""The driver with an executor that fails on request: lost workers, late messages, full disks, signals."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.errors import InfrastructureError
from sweep.execution.executor import InlineExecutor, Listener
from sweep.execution.interrupts import Interrupts
from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.planning.config import RunLimits, TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import load_rows
from sweep.store.failure import Failure
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, complete, drive, fake_report


@pytest.fixture
def folder(micro: Path, out: Path) -> RunFolder:
    return prepare(RunRequest(space=str(micro), out=out)).open_or_create()


def statuses(folder: RunFolder) -> list[Status]:
    return sorted(row["status"] for row in load_rows(folder))


def test_the_base_comes_first_and_every_trial_ends(folder: RunFolder) -> None:
    executor = ScriptedExecutor()
    drive(folder, executor)
    assert executor.jobs[0].points[0][1]["epochs"] == 0
    assert len(executor.jobs) == 1 + 4
    assert statuses(folder) == [Status.COMPLETED] * 4


class Unwanted:
    """Is not to be started: starting a Ray takes seconds."""

    def run(self, listener: Listener) -> None:
        pytest.fail("there is nothing to run")


def test_a_finished_run_is_left_alone(folder: RunFolder) -> None:
    drive(folder, ScriptedExecutor())
    drive(folder, Unwanted())
    assert statuses(folder) == [Status.COMPLETED] * 4


def test_early_signal_starts_no_executor(folder: RunFolder, interrupts: Interrupts) -> None:
    interrupts.first = signal.SIGTERM
    assert drive(folder, Unwanted(), interrupts=interrupts).signal == signal.SIGTERM
    assert statuses(folder) == [Status.PENDING] * 4


def test_lost_worker_is_retried_from_its_last_report(folder: RunFolder) -> None:
    lost: list[str] = []

    def lose_once(job: Job, listener: Listener) -> None:
        if job.trial_id in lost or job.points[0][1]["epochs"] == 0:
            return complete(job, listener)
        lost.append(job.trial_id)
        listener.started(job)
        listener.reported(job, fake_report(job, 1))
        return listener.lost(job, Failure.WORKER_LOST, "killed")

    executor = ScriptedExecutor(lose_once)
    drive(folder, executor)
    retries = [job for job in executor.jobs if job.attempt > 1]
    assert [(job.attempt, job.known_epoch) for job in retries] == [(2, 1)] * 4
    assert statuses(folder) == [Status.COMPLETED] * 4


def test_trial_fails_after_too_many_lost_workers(folder: RunFolder) -> None:
    victim = folder.spec.plan.trials[1].trial_id

    def lose(job: Job, listener: Listener) -> None:
        if job.trial_id != victim:
            return complete(job, listener)
        listener.started(job)
        return listener.lost(job, Failure.WORKER_LOST, "killed")

    executor = ScriptedExecutor(lose)
    drive(folder, executor, max_failures=3)
    assert [job.trial_id for job in executor.jobs].count(victim) == 4
    assert statuses(folder) == [Status.COMPLETED] * 3 + [Status.FAILED]
    (failed,) = (row for row in load_rows(folder) if row["status"] is Status.FAILED)
    assert failed["stop_reason"] == "worker lost: killed"


def test_failed_trial_is_retried_only_by_a_resume(folder: RunFolder) -> None:
    def fail(job: Job, listener: Listener) -> None:
        listener.started(job)
        failed = TrialReport(epoch=1, status=Status.FAILED, reason="ValueError: x", traceback="tb")
        listener.reported(job, failed)

    executor = ScriptedExecutor(fail)
    drive(folder, executor)
    assert len(executor.jobs) == 5
    assert statuses(folder) == [Status.FAILED] * 4
    assert len(list(folder.logs.glob("*.txt"))) == 5
    drive(folder, ScriptedExecutor())
    assert statuses(folder) == [Status.COMPLETED] * 4


def test_trials_resume_after_their_session_died(folder: RunFolder) -> None:
    class Gone(BaseException):
        pass

    def vanish(job: Job, listener: Listener) -> None:
        listener.started(job)
        listener.reported(job, fake_report(job, 1))
        raise Gone

    with pytest.raises(Gone):
        drive(folder, ScriptedExecutor(vanish))
    executor = ScriptedExecutor()
    drive(folder, executor)
    assert executor.jobs[0].attempt == 2
    assert statuses(folder) == [Status.COMPLETED] * 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_stops_in_order(folder: RunFolder, number: signal.Signals, interrupts: Interrupts) -> None:
    def interrupt(job: Job, listener: Listener) -> None:
        complete(job, listener)
        if job.points[0][1]["epochs"] != 0:
            os.kill(os.getpid(), number)

    with interrupts:
        outcome = drive(folder, ScriptedExecutor(interrupt), interrupts=interrupts)
    assert outcome.signal == number
    assert statuses(folder) == [Status.COMPLETED] + [Status.PENDING] * 3
    drive(folder, ScriptedExecutor())
    assert statuses(folder) == [Status.COMPLETED] * 4


def test_a_second_signal_stops_at_once(folder: RunFolder, interrupts: Interrupts) -> None:
    def interrupt_twice(job: Job, listener: Listener) -> None:
        listener.started(job)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with interrupts, pytest.raises(KeyboardInterrupt):
        drive(folder, ScriptedExecutor(interrupt_twice), interrupts=interrupts)
    drive(folder, ScriptedExecutor())
    assert statuses(folder) == [Status.COMPLETED] * 4


@pytest.fixture
def disk_full(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the n-th ledger write from now on, and all after it, fail."""
    write = os.write

    def arm(good: int) -> None:
        left = iter(range(good))

        def full(descriptor: int, data: bytes) -> int:
            if b'"crc"' in data and next(left, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", full)

    return arm


@pytest.mark.parametrize("good", [0, 1, 2, 5, 9])
def test_a_full_disk_stops_the_run_and_loses_nothing(
    folder: RunFolder, good: int, disk_full: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context():
        disk_full(good)
        with pytest.raises(InfrastructureError, match=r"No space left.*Nothing recorded is lost"):
            drive(folder, ScriptedExecutor())
        monkeypatch.undo()
    before = load_state(folder)
    drive(folder, ScriptedExecutor())
    assert statuses(folder) == [Status.COMPLETED] * 4
    assert set(before.scores) <= set(load_state(folder).scores)


def test_the_inline_executor_runs_the_real_thing(folder: RunFolder) -> None:
    outcome = drive(folder, InlineExecutor())
    assert statuses(folder) == [Status.COMPLETED] * 4
    assert outcome.signal is None


def test_workers_get_absolute_paths(micro: Path, poems: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker may have another working folder. Names of bases stay names."""
    monkeypatch.chdir(poems.parent)
    request = RunRequest(space=str(micro), out=out, settings={"data": poems.name})
    executor = ScriptedExecutor()
    drive(prepare(request).open_or_create(), executor)
    settings = [dict(settings) for job in executor.jobs for _, settings in job.points]
    assert {(one["data"], one["base"]) for one in settings} == {(str(poems), "tiny")}


def test_a_shipped_set_is_found_by_workers(sweep: Callable[..., Result], out: Path) -> None:
    arguments = ["--set", "freeze=base", "--set", "data=reviews", "--set", "epochs=1", "--set", "batch_size=64"]
    assert sweep("run", "sentiment", "--executor", "inline", *arguments).exit_code == 0
    (row,) = load_rows(RunFolder(out / "sentiment"))
    assert row["accuracy"] > row["base_accuracy"]


def test_job_holds_keep_policy_rungs_and_time_limit(micro: Path, out: Path) -> None:
    tune_config = TuneConfig(scheduler="asha", objective="metric", reduction_factor=2)
    folder = prepare(
        RunRequest(space=str(micro), out=out, tune_config=tune_config, settings=["epochs=5"])
    ).open_or_create()
    executor = ScriptedExecutor()
    drive(folder, executor, keep="last", trial_timeout=60.0)
    base, *trainings = executor.jobs
    assert {job.keep for job in executor.jobs} == {"last"}
    assert base.measured == ()
    assert {job.measured for job in trainings} == {(1, 2)}
    assert all(0 < (job.seconds_left or 0) <= 60 for job in executor.jobs)


def test_without_limits_a_job_has_none(folder: RunFolder) -> None:
    executor = ScriptedExecutor()
    drive(folder, executor)
    assert {(job.keep, job.measured, job.seconds_left) for job in executor.jobs} == {("best+last", (), None)}


def test_the_limits_of_each_session_are_on_record(folder: RunFolder) -> None:
    drive(folder, ScriptedExecutor(), keep="last", trial_timeout=60.0)
    drive(folder, ScriptedExecutor())
    first, second = (session.limits for session in load_state(folder).sessions)
    assert first == RunLimits(keep="last", trial_timeout=60.0)
    assert second == RunLimits()


def test_a_worker_over_its_time_fails_for_good(folder: RunFolder) -> None:
    def late(job: Job, listener: Listener) -> None:
        if job.points[0][1]["epochs"] == 0:
            return complete(job, listener)
        listener.started(job)
        return listener.lost(job, Failure.TIMEOUT, "the trial ran longer than --trial-timeout allows")

    executor = ScriptedExecutor(late)
    drive(folder, executor)
    assert [job.attempt for job in executor.jobs] == [1] * 5
    rows = load_rows(folder)
    assert {(row["status"], row["failure"]) for row in rows} == {(Status.FAILED, "timeout")}
