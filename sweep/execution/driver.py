"""The driver: takes a run from wherever its ledger says it is to its end.

It is the only writer of the run's folder, save for the workers' checkpoints. An executor runs the jobs and calls the
driver back; each report becomes one ledger line before anything else happens with it, so that a crash at any moment
loses at most what was never acknowledged.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from model.pretrained.files import is_folder
from model.settings import Scalar
from model.task_specs import TASKS
from sweep.errors import InfrastructureError
from sweep.execution.executor import Executor
from sweep.execution.interrupts import Interrupts
from sweep.execution.trial import Job, TrialReport
from sweep.planning.config import RunLimits, say_duration
from sweep.planning.extensions import references
from sweep.planning.numerics import numerics_sha256
from sweep.planning.plan import Plan, Trial
from sweep.planning.provenance import today
from sweep.reporting.leaderboard import Row, write_leaderboard
from sweep.reporting.leaderboard import rows as leaderboard_rows
from sweep.store import retention
from sweep.store.cache import Cache
from sweep.store.failure import Failure
from sweep.store.ledger import Ledger
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, draws_left, find_result, fold, full_plan
from sweep.store.status import TERMINAL, Status, check_transition
from sweep.tuning.budget import spent
from sweep.tuning.observations import observations
from sweep.tuning.schedulers import make_scheduler, objective
from sweep.tuning.searchers import suggest
from sweep.tuning.trial_queue import TrialQueue

LEADERBOARD_SECONDS = 5.0  # between two rewrites of the derived files while a run is going


class ProgressReporter(Protocol):
    """What shows a run's progress."""

    def changed(self, state: RunState, trial_id: str) -> None:
        """A trial moved on."""
        ...

    def note(self, message: str) -> None:
        """Something to say to the person who waits."""
        ...


@dataclass(frozen=True, kw_only=True)
class SessionResult:
    """How a session ended."""

    state: RunState
    signal: int | None  # that stopped it
    spent: str | None  # why the budget stopped it
    seconds: float
    rows: list[Row]  # of the leaderboard


class Driver:
    """One session of work on a run. Listens to the executor."""

    def __init__(
        self,
        folder: RunFolder,
        view: ProgressReporter,
        *,
        limits: RunLimits,
        use_cache: bool = True,
        interrupts: Interrupts | None = None,
    ) -> None:
        self.folder = folder
        self.spec = folder.spec
        self.tune_config = self.spec.tune_config
        self.view = view
        self.limits = limits
        self.cache = Cache(folder.path.parent, skip=folder.name) if use_cache else None
        self.interrupts = interrupts or Interrupts()
        self._broken: OSError | None = None  # why nothing can be recorded any more
        self._first: Job | None = None  # the one that the executor is started for
        self._derived_at = 0.0  # when the derived files were written, on the monotonic clock
        self._trials: dict[str, Trial] = {}  # the trainings by id: a search adds to them
        self._lost: dict[str, int] = {}  # how often a trial's worker was lost in this session

    @property
    def stopping(self) -> bool:
        return self.interrupts.first is not None or self._broken is not None or self._spent(now=True) is not None

    @property
    def resume_command(self) -> str:
        return self.folder.command("resume")

    def run(self, executor: Executor, command: Sequence[str]) -> SessionResult:
        """Work until all trials have ended, the budget is spent, or a signal comes.

        Raises RunError, LedgerError before work starts, InfrastructureError where the disk refuses or Ray is lost.
        """
        self.began = time.monotonic()
        with (
            self.interrupts.asking(self.view.note),
            self.folder.lock(),
            closing(Ledger(self.folder.ledger)) as self.ledger,
        ):
            self.state = fold(self.ledger.found)
            try:
                self._append("session", command=list(command), limits=self.limits.as_dict())
                self._interrupt_running("the session before this one ended without a word")
                self._take_up()
                self._work(executor)
                self._interrupt_running(self._spent(now=True) or "stopped by a signal")
                if done := self._is_done():
                    self._settle_stopped()
            finally:
                self._derive()
        self._check_disk()
        seconds = time.monotonic() - self.began
        spent = None if done else self._spent(now=False)
        return SessionResult(
            state=self.state, signal=self.interrupts.first, spent=spent, seconds=seconds, rows=self._rows
        )

    def _work(self, executor: Executor) -> None:
        """Let `executor` run what there is to run; where there is nothing, not even a Ray is started."""
        self._first = self._next()
        if self._first is None:
            return
        try:
            executor.run(self)
        except InfrastructureError as error:
            self._interrupt_running(str(error))
            raise

    # What the executor calls.

    def next_job(self) -> Job | None:
        """The job to begin now; None where there is none at the moment."""
        if self._first is None or self.stopping:
            return self._next()
        job, self._first = self._first, None
        return job

    def _next(self) -> Job | None:
        while not self.stopping:
            trial = self.queue.next(self._suggest, begins=self._spent(now=False) is None)
            if trial is None:
                return None
            if (job := self._job(trial)) is not None:
                return job
            self.queue.release(trial.trial_id, again=False)  # its points are known
        return None

    def started(self, job: Job) -> None:
        check_transition(self.state.trial(job.trial_id).status, Status.RUNNING)  # before it is written for good
        self._append("status", trial_id=job.trial_id, attempt=job.attempt, status=Status.RUNNING)
        self.view.changed(self.state, job.trial_id)

    def reported(self, job: Job, report: TrialReport) -> bool:
        """Record `report`; whether the trial goes on."""
        if self._is_late(job):
            return False
        content = report.as_dict()
        if (text := content.pop("traceback")) is not None:
            self._keep_traceback(job, text)
        if report.status is None:
            content |= self._verdict(job, report)
        self._append("epoch", trial_id=job.trial_id, attempt=job.attempt, **content)
        self.view.changed(self.state, job.trial_id)
        if content["status"] is not None:
            self._ended(job)
        if report.scores and time.monotonic() - self._derived_at > LEADERBOARD_SECONDS:
            self._derive()
        return content["status"] is None

    def lost(self, job: Job, failure: Failure, reason: str) -> None:
        """The worker of `job` is gone."""
        if self._is_late(job):
            self.queue.release(job.trial_id, again=False)
            return
        status, kind = (Status.INTERRUPTED, None) if self.stopping else (Status.FAILED, failure)
        self._append(
            "status",
            trial_id=job.trial_id,
            attempt=job.attempt,
            status=status,
            failure=kind,
            reason=f"{failure}: {reason}",
        )
        self.view.changed(self.state, job.trial_id)
        self._ended(job)

    # What is left to do.

    def _take_up(self) -> None:
        """Bring the queue to where the ledger says the run is."""
        for trial_id in retention.half_written(self.folder.path) & self.state.trials.keys():
            if self.state.trials[trial_id].status in TERMINAL:  # a session was killed while it settled that
                retention.repair(self.folder.checkpoints(trial_id))
                self._settle(trial_id)
        plan = full_plan(self.spec, self.state)
        self._take_from_cache(plan)
        self.scheduler = make_scheduler(self.tune_config, self._trials)
        self.queue = TrialQueue(self.state, plan, self.scheduler, self._trials)

    def _job(self, trial: Trial) -> Job | None:
        """What a worker is sent for `trial`; None where nothing of it is open, or its time has run out already."""
        state = self.state.trial(trial.trial_id)
        points = tuple((p.point_id, _located(p.settings)) for p in trial.points if find_result(self.state, p) is None)
        timeout = self.limits.trial_timeout
        if not points or (state.failure == Failure.TIMEOUT and timeout is not None and state.seconds > timeout):
            return None
        provenance = self.spec.provenance
        return Job(
            trial_id=trial.trial_id,
            points=points,
            base=provenance.base(trial.points[0]),
            data=provenance.dataset(trial.points[0]),
            numerics_sha256=numerics_sha256(),
            device=today(provenance.device),
            attempt=state.attempt + 1,
            known_epoch=state.known_epoch,
            checkpoints=str(self.folder.checkpoints(trial.trial_id).absolute()),
            threads=self.spec.cpus_per_trial,
            gpu=self.spec.gpus_per_trial > 0,
            keep=self.limits.keep,
            extensions={name: provenance.extensions[name] for name in references(trial.points[0]).values()},
            measured=self.scheduler.levels(trial) if self.tune_config.objective == "metric" else (),
            seconds_left=None if timeout is None else max(0.0, timeout - self._seconds(trial.trial_id)),
        )

    def _verdict(self, job: Job, report: TrialReport) -> dict[str, Any]:
        """What ends a trial that would go on: the scheduler, or its time."""
        trial = self._trials.get(job.trial_id)
        if trial is not None:
            value = objective(self.tune_config, report.losses["dev_loss"], report.metric)
            reason = self.scheduler.stops(self.state, trial, report.epoch, value)
            if reason is not None:
                return {"status": Status.STOPPED, "rung": report.epoch, "reason": reason}
        timeout, seconds = self.limits.trial_timeout, self._seconds(job.trial_id)
        if timeout is not None and seconds > timeout:
            reason = f"timeout: it has worked for {seconds:.0f} s, and --trial-timeout is {say_duration(timeout)}"
            return {"status": Status.FAILED, "failure": Failure.TIMEOUT, "reason": reason}
        return {}

    def _ended(self, job: Job) -> None:
        """Whether a trial is tried again, and what stays of it."""
        trial = self.state.trial(job.trial_id)
        again = trial.status == Status.FAILED and Failure(trial.failure or Failure.ERROR).is_retried
        if again:
            self._lost[job.trial_id] = self._lost.get(job.trial_id, 0) + 1
            again = self._lost[job.trial_id] <= self.limits.max_failures
        self.queue.release(job.trial_id, again)
        self._settle(job.trial_id)

    def _settle(self, trial_id: str) -> None:
        """Leave of a trial that has ended what is to be kept."""
        trial = self.state.trial(trial_id)
        waits = trial.rung is not None and self.tune_config.scheduler == "asha-promote"  # it may yet be promoted
        if trial.status in TERMINAL and not waits:
            retention.apply(self.folder.checkpoints(trial_id), trial, self.limits.keep)

    def _is_done(self) -> bool:
        """Whether nothing is left to begin, to draw, or to promote."""
        if draws_left(self.spec, self.state):
            return False
        trials = full_plan(self.spec, self.state).trials
        if any(self.state.trial(t.trial_id).status.is_open and self._job(t) is not None for t in trials):
            return False
        return self.scheduler.promote(self.state, drained=True) is None

    def _settle_stopped(self) -> None:
        """Nothing that waited for a promotion gets one any more."""
        for trial_id in self._trials:
            if (trial := self.state.trial(trial_id)).status == Status.STOPPED and trial.rung is not None:
                retention.apply(self.folder.checkpoints(trial_id), trial, self.limits.keep)

    def _suggest(self) -> Plan | None:
        """A point that the search draws, recorded; None where it has drawn all it was asked for."""
        space = self.spec.search_space
        if space is None or not draws_left(self.spec, self.state):
            return None
        drawn = suggest(space, self.tune_config.search, observations(self.state, self.tune_config), self._seen())
        if drawn is None:
            return None
        settings = [point.settings for point in drawn.points]
        self._append("suggested", number=len(self.state.suggestions) + 1, params=drawn.params, points=settings)
        plan = Plan(drawn.points)
        self._take_from_cache(plan)
        return None if self._broken else plan

    def _seen(self) -> set[str]:
        return {point.point_id for point in full_plan(self.spec, self.state).points}

    def _take_from_cache(self, plan: Plan) -> None:
        """Record points that earlier runs have computed."""
        if self.cache is None:
            return
        for point in (*plan.points, *plan.baselines):
            if find_result(self.state, point) is None and (hit := self.cache.find(self.spec.provenance, point)):
                self._append("cached", point_id=point.point_id, from_run=hit.run, record=dict(hit.record))

    def _seconds(self, trial_id: str) -> float:
        """How long workers have spent on a trial."""
        trial = self.state.trial(trial_id)
        running = self._elapsed() - trial.began if trial.status == Status.RUNNING else 0.0
        return trial.seconds + max(0.0, running)

    def _spent(self, *, now: bool) -> str | None:
        """Why the budget allows nothing more. `now`: why running trials stop as well."""
        if self.limits.budget is None:
            return None
        used = spent(self.state, self._trials, self._elapsed(), self.spec.gpus_per_trial)
        return used.beyond(self.limits.budget, now=now)

    def _elapsed(self) -> float:
        """Seconds of this session, on a clock that nobody sets."""
        return time.monotonic() - self.began

    def _check_disk(self) -> None:
        if self._broken is not None:
            raise InfrastructureError(
                f"cannot write to {self.folder.path}: {self._broken}. Nothing recorded is lost: make room"
            ) from self._broken

    def _interrupt_running(self, reason: str) -> None:
        for trial_id, trial in self.state.trials.items():
            if trial.status == Status.RUNNING:
                self._append(
                    "status", trial_id=trial_id, attempt=trial.attempt, status=Status.INTERRUPTED, reason=reason
                )

    def _is_late(self, job: Job) -> bool:
        """Whether `job` has ended already, or a newer attempt has taken its place."""
        trial = self.state.trial(job.trial_id)
        return trial.attempt > job.attempt or trial.status != Status.RUNNING

    def _append(self, event: str, **content: Any) -> None:
        """Record an event. Where the disk refuses, nothing more is recorded and the run stops: see `_check_disk`."""
        if self._broken is None:
            try:
                elapsed = round(self._elapsed(), 3)
                self.state.apply(self.ledger.append(event, elapsed=elapsed, **content))
            except OSError as error:  # raised from within an executor's callback it would be swallowed or mangled
                self._broken = error

    def _derive(self) -> None:
        """Bring the derived files up to date. They can always be made again, so a full disk is only noted."""
        self._rows = leaderboard_rows(self.folder, self.state)
        try:
            write_leaderboard(self.folder, self.state, self._rows)
        except OSError as error:
            self.view.note(f"cannot write the leaderboard: {error}")
        self._derived_at = time.monotonic()

    def _keep_traceback(self, job: Job, text: str) -> None:
        """Keep it for the reader. The reason is in the ledger too, so a disk that refuses is only noted."""
        try:
            self.folder.logs.mkdir(exist_ok=True)
            (self.folder.logs / f"{job.trial_id}-{job.attempt}.txt").write_text(text, encoding="utf-8")
        except OSError as error:
            self.view.note(f"cannot write a traceback to {self.folder.logs}: {error.strerror}")


def _located(settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """`settings` with absolute paths: a worker may have another working folder."""
    found = dict(settings)
    if "data" in settings and settings["data"] not in TASKS[str(settings["task"])].sets:
        found["data"] = str(Path(str(settings["data"])).expanduser().absolute())
    if is_folder(base := str(settings["base"])):
        found["base"] = str(Path(base).expanduser().absolute())
    return found
