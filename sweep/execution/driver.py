"""The driver: work on a run, from the state in its ledger, until it is done.

An executor runs the jobs and calls the driver back. Each report is written to the ledger before anything else happens
with it, so a crash at any moment loses only reports that were never acknowledged.
"""

import logging
import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sweep.errors import InfrastructureError
from sweep.execution.executor import Executor
from sweep.execution.interrupts import Interrupts
from sweep.execution.job import Job, JobFactory
from sweep.execution.retries import Retries
from sweep.execution.trial import TrialReport
from sweep.planning.config import RunLimits, format_duration
from sweep.planning.plan import Plan, Trial
from sweep.planning.sources import NOWHERE, Places
from sweep.reporting.derived_files import DerivedFiles
from sweep.reporting.leaderboard import Row
from sweep.reporting.reporter import ProgressReporter
from sweep.store.cache import Cache
from sweep.store.events import CachedEvent, EpochEvent, SessionEvent, SettledEvent, StatusEvent, SuggestedEvent
from sweep.store.failure import Failure
from sweep.store.ledger import Ledger
from sweep.store.logs import driver_log
from sweep.store.recorder import Recorder
from sweep.store.retention import CheckpointPruner
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, find_result, full_plan, known_provenance, suggestions_left
from sweep.store.status import Status, check_transition
from sweep.tuning.budget import spent
from sweep.tuning.next_points import next_points
from sweep.tuning.registry import make_scheduler
from sweep.tuning.schedulers import objective
from sweep.tuning.searchers import Suggestion
from sweep.tuning.trial_queue import TrialQueue

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SessionResult:
    """The outcome of a session."""

    state: RunState
    signal: int | None  # the signal that stopped it, if any
    spent: str | None  # why the budget stopped it, if it did
    seconds: float
    rows: list[Row]  # the leaderboard


def run_session(
    folder: RunFolder,
    executor: Executor,
    reporter: ProgressReporter,
    command: Sequence[str],
    *,
    limits: RunLimits,
    use_cache: bool = True,
    interrupts: Interrupts | None = None,
    places: Places = NOWHERE,
) -> SessionResult:
    """Work on the run in `folder` until all trials have ended, the budget is spent, or a signal comes.

    `places` are those of the user's bases and data, by the names in the run; default: where they were.

    Raise RunError or LedgerError before any work starts, InfrastructureError if the disk or Ray fails.
    """
    interrupts = interrupts or Interrupts()
    cache = Cache(folder.path.parent, skip=folder.name) if use_cache else None
    with (
        interrupts.graceful_stop(reporter.note),
        folder.lock(),
        driver_log(folder.logs),
        closing(Ledger(folder.ledger)) as ledger,
    ):
        log.info("session begins: %s", shlex.join(command))
        recorder = Recorder(folder, ledger)
        files = DerivedFiles(folder, reporter.note)
        try:
            known = known_provenance(folder.spec, recorder.state).places
            moved = {name: place for name, place in places.items() if known.get(name) != place}
            recorder.record(SessionEvent(command=list(command), limits=limits, places=moved or None))
            recorder.interrupt_running("the previous session was killed")
            driver = Driver(recorder, reporter, files, limits=limits, cache=cache, interrupts=interrupts)
            done = driver.work(executor)
        finally:
            files.update(recorder.state)
    recorder.check_disk()
    return SessionResult(
        state=recorder.state,
        signal=interrupts.first,
        spent=None if done else driver.budget_spent(now=False),
        seconds=recorder.elapsed(),
        rows=files.rows,
    )


class Driver:
    """Decides what happens next in a run; the listener of the executor."""

    def __init__(
        self,
        recorder: Recorder,
        reporter: ProgressReporter,
        files: DerivedFiles,
        *,
        limits: RunLimits,
        cache: Cache | None,
        interrupts: Interrupts,
    ) -> None:
        self.recorder = recorder
        self.reporter = reporter
        self.files = files
        self.limits = limits
        self.cache = cache
        self.interrupts = interrupts
        self.spec = recorder.folder.spec
        self.retries = Retries(limits.max_failures, shares_gpu=0 < self.spec.gpus_per_trial < 1)
        self.state = recorder.state
        self._trials: dict[str, Trial] = {}  # the plan's trials by id; a search adds more
        self._first: Job | None = None  # the first job, taken before the executor starts
        self.scheduler = make_scheduler(self.spec.tune_config, self._trials)
        self.jobs = JobFactory(recorder.folder, known_provenance(self.spec, self.state), limits, self.scheduler)
        self.pruner = CheckpointPruner(recorder.folder, limits.keep, self.scheduler.promotes)
        self.pruner.finish(self.state)
        plan = full_plan(self.spec, self.state)
        self._take_from_cache(plan)
        self.queue = TrialQueue(self.state, plan, self.scheduler, self._trials)

    def work(self, executor: Executor) -> bool:
        """Let `executor` run all jobs that are left, and return whether the run is done.

        If there are none, the executor is not started, because starting Ray takes seconds.
        """
        self._first = self._next()
        if self._first is not None:
            try:
                executor.run(self)
            except InfrastructureError as error:
                self.recorder.interrupt_running(str(error))
                raise
        self.recorder.interrupt_running(self.budget_spent(now=True) or "stopped by a signal")
        if done := self._is_done():
            self.pruner.prune_stopped({name: self.state.trial(name) for name in self._trials})
        log.info("session ends: %s", "the run is done" if done else "some trials are not finished")
        return done

    # The interface that the executor calls.

    @property
    def stopping(self) -> bool:
        signalled = self.interrupts.first is not None
        return signalled or self.recorder.broken is not None or self.budget_spent(now=True) is not None

    @property
    def folder(self) -> Path:
        return self.recorder.folder.path

    @property
    def resume_command(self) -> str:
        return self.recorder.folder.command("resume")

    def next_job(self) -> Job | None:
        if self._first is None or self.stopping:
            return self._next()
        job, self._first = self._first, None
        return job

    def started(self, job: Job) -> None:
        check_transition(self.state.trial(job.trial_id).status, Status.RUNNING)  # before it is recorded
        log.info("trial %s, attempt %d: started after epoch %d", job.trial_id, job.attempt, job.known_epoch)
        self.recorder.record(StatusEvent(trial_id=job.trial_id, attempt=job.attempt, status=Status.RUNNING))
        self.reporter.changed(self.state, job.trial_id)

    def reported(self, job: Job, report: TrialReport) -> bool:
        if self._is_late(job):
            log.info("trial %s, attempt %d: a late report is ignored", job.trial_id, job.attempt)
            return False
        if report.traceback is not None:
            self._keep_traceback(job, report.traceback)
        event = report.event(job) if report.status is not None else self._judge(job, report)
        self.recorder.record(event)
        self.reporter.changed(self.state, job.trial_id)
        if event.status is not None:
            log.info("trial %s: %s at epoch %d%s", job.trial_id, event.status, event.epoch, _in_brackets(event.reason))
            self._release(job)
        if report.scores and self.files.is_due:
            self.files.update(self.state)
        return event.status is None

    def note(self, message: str) -> None:
        log.warning(message)
        self.reporter.note(message)

    def lost(self, job: Job, failure: Failure, reason: str) -> None:
        if self._is_late(job):
            self.queue.release(job.trial_id, retry=False)
            return
        log.warning("trial %s, attempt %d: worker lost: %s", job.trial_id, job.attempt, reason)
        status, kind = (Status.INTERRUPTED, None) if self.stopping else (Status.FAILED, failure)
        reason = f"{failure}: {reason}"
        self.recorder.record(
            StatusEvent(trial_id=job.trial_id, attempt=job.attempt, status=status, failure=kind, reason=reason)
        )
        self.reporter.changed(self.state, job.trial_id)
        self._release(job)

    # Which trial comes next.

    def _next(self) -> Job | None:
        """Return the next job, or None if there is none at the moment."""
        while not self.stopping:
            trial = self.queue.next(self._suggest, may_start=self.budget_spent(now=False) is None)
            if trial is None:
                return None
            if (job := self._job(trial)) is not None:
                return job
            self.queue.release(trial.trial_id, retry=False)  # all its points have results
        return None

    def _job(self, trial: Trial) -> Job | None:
        seconds = self.recorder.trial_seconds(trial.trial_id)
        return self.jobs.make(trial, self.state, seconds, alone=self.retries.is_alone(trial.trial_id))

    def _judge(self, job: Job, report: TrialReport) -> EpochEvent:
        """Return the event of a report, with a final status if the scheduler or the timeout stops the trial here."""
        event = report.event(job)
        trial = self._trials.get(job.trial_id)
        if trial is not None and report.losses is not None:
            value = objective(self.spec.tune_config, report.losses.dev_loss, report.metric)
            reason = self.scheduler.stops(self.state, trial, report.epoch, value)
            if reason is not None:
                return replace(event, status=Status.STOPPED, rung=report.epoch, reason=reason)
        timeout, seconds = self.limits.trial_timeout, self.recorder.trial_seconds(job.trial_id)
        if timeout is not None and seconds > timeout:
            reason = (
                f"timeout: the trial ran for {seconds:.0f} s, longer than --trial-timeout {format_duration(timeout)}"
            )
            return replace(event, status=Status.FAILED, failure=Failure.TIMEOUT, reason=reason)
        return event

    def _release(self, job: Job) -> None:
        """Requeue the trial if retries remain, then prune its checkpoints."""
        trial = self.state.trial(job.trial_id)
        failed = trial.status == Status.FAILED
        retry = failed and self.retries.is_due(job.trial_id, Failure(trial.failure or Failure.ERROR))
        if failed:
            log.info("trial %s: %s", job.trial_id, "retried" if retry else "not retried")
        self.queue.release(job.trial_id, retry)
        self.pruner.prune(job.trial_id, trial)

    def _is_done(self) -> bool:
        """Return whether no trial is left to start, to suggest or to promote."""
        if suggestions_left(self.spec, self.state):
            return False
        trials = full_plan(self.spec, self.state).trials
        if any(self.state.trial(t.trial_id).status.is_open and self._job(t) is not None for t in trials):
            return False
        return self.scheduler.promote(self.state, idle=True) is None

    def _suggest(self) -> Plan | None:
        """Record the next suggestion of the search or comparison and return its points; None if there are no more."""
        step = next_points(self.spec, self.state, self.queue.unfinished)
        if isinstance(step, SettledEvent):
            log.info("decided after %d pairs: %s", step.pairs, step.decision)
            self.recorder.record(step)
        if not isinstance(step, Suggestion):
            return None
        log.info("suggested: %s", dict(step.params))
        number = len(self.state.suggestions) + 1
        self.recorder.record(SuggestedEvent.of(number, step.params, step.points))
        plan = Plan(step.points)
        self._take_from_cache(plan)
        return None if self.recorder.broken else plan

    def _take_from_cache(self, plan: Plan) -> None:
        """Record the results that earlier runs have for the points of `plan`."""
        if self.cache is None:
            return
        for point in (*plan.points, *plan.baselines):
            if find_result(self.state, point) is not None:
                continue
            if hit := self.cache.find(self.spec.provenance, point, test=self.spec.confirm is not None):
                log.info("point %s: taken from run %s", point.point_id, hit.from_run)
                self.recorder.record(CachedEvent(point_id=point.point_id, from_run=str(hit.from_run), record=hit))

    def budget_spent(self, *, now: bool) -> str | None:
        """Return why the budget allows no new trial (with `now`: why running trials must stop), or None if it does."""
        if self.limits.budget is None:
            return None
        used = spent(self.state, self._trials, self.recorder.elapsed(), self.spec.gpus_per_trial)
        return used.over_budget(self.limits.budget, now=now)

    def _is_late(self, job: Job) -> bool:
        """Return whether `job` has already ended or was replaced by a newer attempt."""
        trial = self.state.trial(job.trial_id)
        return trial.attempt > job.attempt or trial.status != Status.RUNNING

    def _keep_traceback(self, job: Job, text: str) -> None:
        try:
            self.recorder.keep_traceback(job.trial_id, job.attempt, text)
        except OSError as error:
            self.reporter.note(f"cannot write a traceback to {self.recorder.folder.logs}: {error.strerror}")


def _in_brackets(reason: str | None) -> str:
    return f" ({reason})" if reason else ""
