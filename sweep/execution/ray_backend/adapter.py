"""The classes that Ray Tune calls: its interfaces, implemented on top of a listener.

The Tuner asks `JobFeed` for the next job, runs it on a `TrialActor`, hands starts, reports and errors to `EventRelay`,
and asks `StopWatch` whether to stop. All but the actors call one `Desk` in the driver's process.
"""

import json
import logging
import textwrap
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from sweep.errors import InfrastructureError
from sweep.execution.cards import MOST_TRIALS, Card, CardRecord
from sweep.execution.executor import Listener
from sweep.execution.job import Job
from sweep.execution.ray_backend.holding import Holders, gpu_count, own_card
from sweep.execution.ray_backend.monitor import RayMonitor
from sweep.execution.ray_backend.settings import CHECK_SECONDS
from sweep.execution.trial import TrialReport, run_trial
from sweep.execution.watchdog import Overdue, Watchdog
from sweep.store.failure import Failure
from sweep.store.logs import keep_stderr

log = logging.getLogger(__name__)

NO_MEMORY = ("OutOfMemoryError", "low on memory")  # in the errors of workers that Ray killed to free memory
REASON_CHARACTERS = 250  # the longest reason of a lost worker


class Desk:
    """Connects Ray's events to the listener, and knows which job runs on which actor and which must be ended."""

    def __init__(self, listener: Listener, stall_timeout: float | None, monitor: RayMonitor) -> None:
        self.listener = listener
        self.monitor = monitor
        self.watchdog = Watchdog(stall_timeout)
        self.cards = CardRecord()
        self.draining = False  # whether no trial may start, because a GPU is about to be set aside
        self.trials: dict[Job, Any] = {}  # jobs in flight -> Ray's trial, once it has started
        self.overdue: dict[Job, Overdue] = {}  # jobs that the watchdog has ended
        self._checked = 0.0  # time of the watchdog's last check
        self._waiting: Job | None = None  # a job that was taken from the listener and has not been handed out

    def first_job(self) -> Job | None:
        """Return the job that `next_job` returns next, or None if there is none at the moment."""
        self._waiting = self._waiting or self.listener.next_job()
        return self._waiting

    def next_job(self) -> Job | None:
        """Return the next job, or None if there is none at the moment."""
        if self.draining:
            return None
        job, self._waiting = self._waiting or self.listener.next_job(), None
        if job is not None:
            self.trials[job] = None
        return job

    def started(self, job: Job, trial: Any) -> None:
        self.trials[job] = trial
        self.listener.started(job)
        self.watchdog.started(job)

    def reported(self, job: Job, report: TrialReport) -> bool:
        """Pass on a report. Return whether the trial continues."""
        continues = self.listener.reported(job, report)
        self.watchdog.reported(job)
        if not continues:
            self._ended(job)
        return continues

    def broke(self, job: Job, card: Card) -> None:
        """Note that a GPU broke the worker of `job`. If it gives the GPU up, start no trial until those running end."""
        log.warning("trial %s: %s broke its worker", job.trial_id, card)
        if self.cards.broke(card, job.trial_id):
            self.draining = True
            self.listener.note(
                f"{card} broke the workers of {MOST_TRIALS} trials and is not used any more. Its machine's kernel log "
                "(dmesg) may say why: look for Xid"
            )

    def lost(self, job: Job, error: str) -> None:
        """Tell the listener that a worker is gone: ended by the watchdog, out of memory, or crashed."""
        self.monitor.check()
        if job not in self.trials:  # its end was reported before: a worker that its GPU broke
            return
        if self.trials[job] is None:  # lost before Ray reported that it had started
            self.listener.started(job)
        overdue = self.overdue.pop(job, None)
        if overdue is None:
            log.info("trial %s: its worker is lost: %s", job.trial_id, error)
            failure, reason = _cause(error)
            overdue = Overdue(job=job, failure=failure, reason=reason)
        self._ended(job)
        self.listener.lost(job, overdue.failure, overdue.reason)

    def check(self) -> bool:
        """End overdue workers and return whether everything must stop. Ray calls this several times a second."""
        self.monitor.check()
        if (now := time.monotonic()) - self._checked > CHECK_SECONDS:
            self._checked = now
            for late in self.watchdog.overdue():
                log.warning("trial %s: killing its worker: %s", late.job.trial_id, late.reason)
                self.overdue[late.job] = late
                ray.kill(self.trials[late.job].temporary_state.ray_actor)  # works on a suspended process too
        return self.listener.stopping

    def _ended(self, job: Job) -> None:
        self.trials.pop(job, None)
        self.watchdog.ended(job)


class DeskHandle:
    """A reference to a desk that Ray may copy and pickle; the desk itself cannot be copied."""

    def __init__(self, desk: Desk | None) -> None:
        self._desk = desk

    @property
    def desk(self) -> Desk:
        assert self._desk is not None, "a copy made by Ray has no desk"
        return self._desk

    def __reduce__(self) -> Any:
        return DeskHandle, (None,)

    def __deepcopy__(self, memo: Any) -> "DeskHandle":
        return self


class TrialActor(tune.Trainable):  # type: ignore[misc]  # Ray ships no types
    """A worker process, reused from trial to trial: each reset prepares a trial, each step returns what happened.

    The first step of a trial only says that it has started; every later step trains an epoch and returns its report.
    (Ray announces starts only to callbacks, and given one, it imports every experiment tracker that is installed.)
    """

    def setup(self, config: dict[str, Any]) -> None:
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        import torch  # not at the top: the driver does not need it, and would start a second later

        job: Job = new_config["job"]
        if job.logs is not None:
            keep_stderr(Path(job.logs))
        torch.set_num_threads(job.threads)
        self.reports = run_trial(job)
        self.started = self.broken = False
        return True

    def step(self) -> dict[str, Any]:
        """Return the start or the next report. A worker that its GPU broke takes one more step, which ends it."""
        if not self.started:
            self.started = True
            return {}
        if self.broken:
            raise RuntimeError("this process cannot use its GPU again")
        report = next(self.reports)
        self.broken = report.breaks_worker
        card = {"card": json.dumps(asdict(own_card()))} if self.broken else {}
        ends = report.status is not None and not self.broken
        return {"report": json.dumps(report.to_json()), "done": ends, **card}


class JobFeed(Searcher):  # type: ignore[misc]
    """Gives Ray the next job when a worker is free."""

    def __init__(self, handle: DeskHandle) -> None:
        super().__init__()
        self.handle = handle

    def suggest(self, trial_id: str) -> Any:
        job = self.handle.desk.next_job()
        if job is not None:
            return {"job": job}
        return None if self.handle.desk.trials else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        pass  # `EventRelay` handles it


class EventRelay(FIFOScheduler):  # type: ignore[misc]
    """Passes starts, reports and errors of trials to the desk, and the desk's decisions to Ray."""

    def __init__(self, handle: DeskHandle) -> None:
        super().__init__()
        self.handle = handle

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        job = trial.config["job"]
        if "report" not in result:
            self.handle.desk.started(job, trial)
            return str(TrialScheduler.CONTINUE)
        report = _report(result)
        continues = self.handle.desk.reported(job, report)
        if report.breaks_worker:
            self.handle.desk.broke(job, Card(**json.loads(result["card"])))
            continues = True  # the next step ends this worker; if stopped now, Ray would reuse it
        return str(TrialScheduler.CONTINUE if continues else TrialScheduler.STOP)

    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Pass on a report that ends its trial, but not one at which it was stopped, which Ray may repeat."""
        if "report" in result and (report := _report(result)).status is not None:
            self.handle.desk.reported(trial.config["job"], report)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        self.handle.desk.lost(trial.config["job"], _error_text(trial))


class StopWatch(tune.Stopper):  # type: ignore[misc]
    """Ends all trials when the driver wants to stop."""

    def __init__(self, handle: DeskHandle) -> None:
        self.handle = handle

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.handle.desk.check()


def run_jobs(desk: Desk, storage: Path, *, concurrency: int | None, cpus_per_trial: int, gpus_per_trial: float) -> None:
    """Run all jobs of the desk. Stop using GPUs that break workers; raise InfrastructureError if no GPU is left."""
    holders = Holders()
    number = 0
    while desk.first_job() is not None:
        number += 1
        tune_jobs(
            desk,
            storage / str(number),
            concurrency=concurrency,
            cpus_per_trial=cpus_per_trial,
            gpus_per_trial=gpus_per_trial,
        )
        if desk.draining and not desk.listener.stopping:
            holders.hold(desk.cards.retired)
            if gpu_count() <= len(desk.cards.retired):
                raise InfrastructureError(
                    f"no GPU is left: {', '.join(map(str, desk.cards.retired))} broke the workers of {MOST_TRIALS} "
                    "trials each; check the machine, then resume"
                )
            desk.draining = False


def tune_jobs(
    desk: Desk, storage: Path, *, concurrency: int | None, cpus_per_trial: int, gpus_per_trial: float
) -> None:
    """Let Ray's Tuner run the jobs of the desk. The state that Ray writes to `storage` is never read."""
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    state = logging.getLogger("ray.tune.execution.experiment_state")
    state.setLevel(logging.CRITICAL)  # stopping while Ray copies its state is not an error
    handle = DeskHandle(desk)
    tune.Tuner(
        tune.with_resources(TrialActor, lambda config: _resources(config["job"], cpus_per_trial, gpus_per_trial)),
        tune_config=tune.TuneConfig(
            search_alg=JobFeed(handle),
            scheduler=EventRelay(handle),
            num_samples=-1,  # until the feed returns FINISHED
            reuse_actors=True,
            max_concurrent_trials=concurrency,
            trial_name_creator=lambda trial: trial.config["job"].trial_id,
            trial_dirname_creator=lambda trial: f"{trial.config['job'].trial_id}-{trial.config['job'].attempt}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(storage),
            stop=StopWatch(handle),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    ).fit()


def _resources(job: Job, cpus: int, gpus: float) -> tune.PlacementGroupFactory:
    """Return what Ray sets aside for a job: a whole GPU if it runs alone on one."""
    return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": job.share if job.gpu else gpus}])


def _report(result: dict[str, Any]) -> TrialReport:
    return TrialReport.from_json(json.loads(result["report"]))


def _error_text(trial: Any) -> str:
    """Return the error of a trial as Ray wrote it. Ray's own getters look in the storage, where it arrives later."""
    try:
        return Path(trial.error_file or "").read_text(encoding="utf-8")
    except OSError:
        return ""


def _cause(error: str) -> tuple[Failure, str]:
    """Return the kind of failure and its reason in one line. Ray's own last line may be a page long."""
    if any(sign in error for sign in NO_MEMORY):
        return Failure.OUT_OF_HOST_MEMORY, "Ray killed the worker because memory ran low; lower --concurrency"
    lines = error.strip().splitlines() or ["no reason given"]
    return Failure.WORKER_LOST, textwrap.shorten(lines[-1], REASON_CHARACTERS, placeholder=" ...")
