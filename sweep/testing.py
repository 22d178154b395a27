"""Fakes for tests of schedulers, searchers, reporters and executors: sessions without Ray, torch or training.

result = run_session(folder, ScriptedExecutor(), SilentReporter(), ["test"], limits=RunLimits())
"""

from collections.abc import Callable
from typing import Any

from sweep.execution.driver import SessionResult, run_session
from sweep.execution.executor import Executor, Listener
from sweep.execution.interrupts import Interrupts
from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.planning.config import RunLimits
from sweep.planning.plan import point_from
from sweep.reporting.reporter import SilentReporter
from sweep.store.events import Cost, Losses, Score
from sweep.store.run_folder import RunFolder
from sweep.store.status import Status

METRICS = {"chrf": 40.0, "chrf_new": 20.0}  # of every fake score


def fake_losses(epoch: int, dev_loss: float) -> Losses:
    """Return made-up losses; the dev loss is the best so far."""
    return Losses(
        epoch=epoch,
        train_loss=2.0,
        dev_loss=dev_loss,
        best_dev_loss=dev_loss,
        best_epoch=epoch,
        train_seconds=1.0 * epoch,
        train_tokens=100 * epoch,
    )


def fake_cost() -> Cost:
    """Return made-up costs."""
    return Cost(
        trainable_params=10,
        total_params=100,
        optimizer_state_bytes=8,
        peak_memory_bytes=1,
        device="cpu",
        threads=1,
    )


def fake_report(
    job: Job,
    epoch: int,
    status: Status | None = None,
    *,
    dev_loss: float | None = None,
    metric: float | None = None,
) -> TrialReport:
    """Return a made-up report. The dev loss falls slowly by default; a COMPLETED report scores every point."""
    losses = fake_losses(epoch, 3.0 - epoch / 10 if dev_loss is None else dev_loss)
    scores = tuple(
        Score(point_id=point_id, metrics=METRICS, samples=(), decode_seconds=0.1)
        for point_id, _ in job.points
        if status is Status.COMPLETED
    )
    return TrialReport(epoch=epoch, losses=losses, cost=fake_cost(), scores=scores, metric=metric, status=status)


def last_epoch(job: Job) -> int:
    """Return the epoch that a job trains up to."""
    return max(point_from(settings).epochs for _, settings in job.points)


def complete(job: Job, listener: Listener) -> None:
    """Run `job` to its last epoch, like a healthy worker."""
    listener.started(job)
    for epoch in range(job.known_epoch + 1, last_epoch(job)):
        listener.reported(job, fake_report(job, epoch))
    listener.reported(job, fake_report(job, last_epoch(job), Status.COMPLETED))


class ScriptedExecutor:
    """An executor with one worker, played by the function `act`. `jobs` lists the jobs that it ran."""

    def __init__(self, act: Callable[[Job, Listener], None] = complete) -> None:
        self.act = act
        self.jobs: list[Job] = []
        self.listener: Listener | None = None  # the listener of the latest session

    def run(self, listener: Listener) -> None:
        self.listener = listener
        while not listener.stopping and (job := listener.next_job()) is not None:
            self.jobs.append(job)
            self.act(job, listener)


def drive(
    folder: RunFolder,
    executor: Executor | None = None,
    *,
    use_cache: bool = True,
    interrupts: Interrupts | None = None,
    **limits: Any,
) -> SessionResult:
    """Run one session of the run in `folder`, by default with healthy workers; `limits` are fields of RunLimits."""
    return run_session(
        folder,
        executor or ScriptedExecutor(),
        SilentReporter(),
        ["test"],
        limits=RunLimits(**limits),
        use_cache=use_cache,
        interrupts=interrupts,
    )
