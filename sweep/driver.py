"""The driver: takes a run from wherever its ledger says it is to its end.

It is the only writer of the run's folder, save for the workers' checkpoints. An executor runs the jobs and calls the
driver back; each report becomes one ledger line before anything else happens with it, so that a crash at any moment
loses at most what was never acknowledged.
"""

import signal
import threading
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from model.config import Scalar
from model.tasks import TASKS
from sweep.cache import find_cached, record_of
from sweep.errors import Breakdown
from sweep.executor import Executor
from sweep.leaderboard import write_leaderboard
from sweep.ledger import Ledger
from sweep.plan import Trial, group
from sweep.run_folder import RunFolder
from sweep.state import RunState, TrialState, state_of
from sweep.status import Status, check_step
from sweep.trial import Job, TrialReport

LEADERBOARD_SECONDS = 5.0  # between two rewrites of the derived files while a run is going


class View(Protocol):
    """What shows a run's progress."""

    def changed(self, state: RunState, trial_id: str) -> None:
        """A trial moved on."""
        ...

    def note(self, message: str) -> None:
        """Something to say to the person who waits."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a session ended."""

    state: RunState
    signal: int | None  # that stopped it
    seconds: float


class Driver:
    """One session of work on a run. Listens to the executor."""

    def __init__(self, folder: RunFolder, view: View, *, use_cache: bool, max_failures: int) -> None:
        """`max_failures`: how often a trial whose worker was lost is tried again."""
        self.folder = folder
        self.spec = folder.spec
        self.view = view
        self.use_cache = use_cache
        self.max_failures = max_failures
        self.caught: int | None = None  # the signal that asked to stop
        self._broken: OSError | None = None  # why nothing can be recorded any more
        self._derived_at = 0.0  # when the derived files were written, on the monotonic clock

    @property
    def stopping(self) -> bool:
        return self.caught is not None or self._broken is not None

    def run(self, executor: Executor, command: Sequence[str]) -> Outcome:
        """Work until all trials have ended or a signal comes. Raises RunError, LedgerError before work starts."""
        started = time.monotonic()
        with self.folder.lock():
            self.state = state_of(self.folder)
            self.ledger = Ledger(self.folder.ledger)
            try:
                with self._signals():
                    self._append("session", command=list(command))
                    self._take_from_cache()
                    self._interrupt_running("the session before this one ended without a word")
                    self._run_rounds(executor)
                    self._interrupt_running("stopped by a signal")
            finally:
                self._derive()
                self.ledger.close()
        return Outcome(state=self.state, signal=self.caught, seconds=time.monotonic() - started)

    # What the executor calls.

    def started(self, job: Job) -> None:
        check_step(self.state.trial(job.trial_id).status, Status.RUNNING)  # before it is written for good
        self._append("status", trial_id=job.trial_id, attempt=job.attempt, status=Status.RUNNING)
        self.view.changed(self.state, job.trial_id)

    def reported(self, job: Job, report: TrialReport) -> None:
        if self._is_late(job):
            return
        content = report.as_dict()
        if (text := content.pop("traceback")) is not None:
            self._keep_traceback(job, text)
        self._append("epoch", trial_id=job.trial_id, attempt=job.attempt, **content)
        self.view.changed(self.state, job.trial_id)
        if report.scores and time.monotonic() - self._derived_at > LEADERBOARD_SECONDS:
            self._derive()

    def lost(self, job: Job, reason: str) -> None:
        if self._is_late(job):
            return
        status = Status.INTERRUPTED if self.stopping else Status.FAILED
        self._append(
            "status", trial_id=job.trial_id, attempt=job.attempt, status=status, reason=f"worker lost: {reason}"
        )
        self.view.changed(self.state, job.trial_id)

    # What is left to do.

    def _run_rounds(self, executor: Executor) -> None:
        """Run what is open, and what failed in an earlier session; then, again, trials whose worker was lost."""
        jobs = self._jobs({trial_id for trial_id, trial in self.state.trials.items() if trial.status == Status.FAILED})
        for _ in range(self.max_failures + 1):
            if not jobs or self.stopping:
                break
            executor.run(jobs, self)
            jobs = self._jobs({job.trial_id for job in jobs if self._was_lost(self.state.trial(job.trial_id))})
        if self._broken is not None:
            raise Breakdown(
                f"cannot write to {self.folder.path}: {self._broken}. Nothing recorded is lost: make room, "
                f"then run `sweep resume {self.folder.name}`"
            ) from self._broken

    def _jobs(self, again: Container[str]) -> list[Job]:
        """Open trials and failed ones that are in `again`, with the points that lack a score; un-tuned bases first."""
        plan = self.spec.plan
        trials = group(dict.fromkeys((*plan.baselines, *plan.points)))  # a point may itself be an un-tuned base
        return [job for trial in trials if (job := self._job(trial, again)) is not None]

    def _job(self, trial: Trial, again: Container[str]) -> Job | None:
        state = self.state.trial(trial.trial_id)
        points = tuple((p.point_id, _located(p.settings)) for p in trial.points if record_of(self.state, p) is None)
        if not points or not (state.status.is_open or (state.status == Status.FAILED and trial.trial_id in again)):
            return None
        return Job(
            trial_id=trial.trial_id,
            points=points,
            revision=self.spec.provenance.base(trial.points[0]).revision,
            attempt=state.attempt + 1,
            known_epoch=state.known_epoch,
            checkpoints=str(self.folder.checkpoints(trial.trial_id).absolute()),
            threads=self.spec.cpus_per_trial,
            gpu=self.spec.gpus_per_trial > 0,
        )

    def _take_from_cache(self) -> None:
        """Record points that earlier runs have computed."""
        plan = self.spec.plan
        unknown = [point for point in (*plan.points, *plan.baselines) if record_of(self.state, point) is None]
        if not self.use_cache or not unknown:
            return
        found = find_cached(self.folder.path.parent, unknown, self.spec.provenance, skip=self.folder.name)
        for point_id, hit in found.items():
            self._append("cached", point_id=point_id, from_run=hit.run, record=dict(hit.record))

    def _interrupt_running(self, reason: str) -> None:
        for trial_id, trial in self.state.trials.items():
            if trial.status == Status.RUNNING:
                self._append(
                    "status", trial_id=trial_id, attempt=trial.attempt, status=Status.INTERRUPTED, reason=reason
                )

    @staticmethod
    def _was_lost(trial: TrialState) -> bool:
        return trial.status == Status.FAILED and (trial.reason or "").startswith("worker lost")

    def _is_late(self, job: Job) -> bool:
        """Whether `job` has ended already, or a newer attempt has taken its place."""
        trial = self.state.trial(job.trial_id)
        return trial.attempt > job.attempt or trial.status != Status.RUNNING

    def _append(self, event: str, **content: Any) -> None:
        """Record an event. Where the disk refuses, nothing more is recorded and the run stops: see `_run_rounds`."""
        if self._broken is None:
            try:
                self.state.apply(self.ledger.append(event, **content))
            except OSError as error:  # raised from within an executor's callback it would be swallowed or mangled
                self._broken = error

    def _derive(self) -> None:
        """Bring the derived files up to date. They can always be made again, so a full disk is only noted."""
        try:
            write_leaderboard(self.folder, self.state)
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

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM: the first asks to stop, the second stops now, by KeyboardInterrupt."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may set handlers
            return

        def caught(number: int, frame: FrameType | None) -> None:
            if self.caught is not None:
                raise KeyboardInterrupt
            self.caught = number
            self.view.note("stopping: running trials keep their last checkpoint (once more to stop at once)")

        before = {number: signal.signal(number, caught) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _located(settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """`settings` with absolute paths: a worker may have another working folder."""
    found = dict(settings)
    if "data" in settings and settings["data"] not in TASKS[str(settings["task"])].sets:
        found["data"] = str(Path(str(settings["data"])).expanduser().absolute())
    if (base := Path(str(settings["base"])).expanduser()).is_dir():
        found["base"] = str(base.absolute())
    return found
