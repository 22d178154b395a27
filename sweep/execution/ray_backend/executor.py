"""Trials on Ray's workers. The only file that imports Ray.

Ray schedules and executes; it owns nothing that must last. Its state files are never read back: reports go to the
listener as they arrive, checkpoints are ours. Workers are reused from trial to trial, so torch, base weights and
tokenized data are loaded once per worker.

A local Ray listens on the loopback interface only, asks for a private token, and lives in a private folder that is
removed with it (Ray's own defaults are the outward interface and a token in the home folder that others can read).
"""

import contextlib
import json
import logging
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from sweep.errors import InfrastructureError
from sweep.execution.executor import Listener
from sweep.execution.interrupts import uninterrupted
from sweep.execution.job import Job
from sweep.execution.ray_backend.cluster import check_cluster, is_here
from sweep.execution.ray_backend.monitor import RayLostError, RayMonitor, children
from sweep.execution.ray_backend.private_folder import kill_processes, private_folder
from sweep.execution.trial import TrialReport, run_trial
from sweep.execution.watchdog import Overdue, Watchdog
from sweep.store.failure import Failure

# Ray reads these when it is imported.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # else Ray takes 127.0.0.1 for this machine's outward address
LOCAL_ENVIRONMENT = {**LOOPBACK, "RAY_AUTH_MODE": "token"}
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger is the log
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a lost worker is told of by the driver, in one line
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # signals are heard in sweep/execution/interrupts.py
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # it takes SIGTERM, and leaves the default behind: a sudden end
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
OBJECT_STORE_BYTES = 192 * 2**20  # reports are small; weights go by path
TOKEN = secrets.token_hex(32)  # one for the life of this process: Ray reads it once and keeps it
SHUTDOWN_SECONDS = 15  # for Ray's processes to be gone
LOOK_SECONDS = 0.5  # between two looks of the watchdog


@dataclass(frozen=True, kw_only=True)
class RayExecutor:
    """Runs jobs on a Ray of its own, or on the cluster at `address`."""

    concurrency: int | None  # trials at a time; None: as many as the cluster at `address` holds
    cpus_per_trial: int  # cores, and threads of each trial
    gpus_per_trial: float = 0.0  # GPUs; a fraction shares one
    gpus: int = 0  # that a Ray of its own offers
    address: str | None = None  # HOST:PORT or "auto" of a running cluster; None = start one here
    stall_timeout: float | None = None  # seconds without a sign of life, after which a worker is ended

    def run(self, listener: Listener) -> None:
        with _unheard(), self._cluster() as lifeline:
            lifeline.resume_command = listener.resume_command
            _tune(listener, self, lifeline)

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[RayMonitor]:
        """A Ray to run on, shut down at the end. Raises InfrastructureError where `address` answers to no cluster."""
        os.environ.update(ENVIRONMENT)
        if self.address is not None:
            if is_here(self.address):
                os.environ.update(LOOPBACK)
            check_cluster(self.address)
            with _session(address=self.address) as lifeline:
                yield lifeline
            return
        with private_folder() as folder:
            token = folder / "token"
            token.touch(mode=0o600)
            token.write_text(TOKEN)
            os.environ.update(LOCAL_ENVIRONMENT, RAY_AUTH_TOKEN_PATH=str(token))
            with _session(
                address="local",
                num_cpus=(self.concurrency or 1) * self.cpus_per_trial,
                num_gpus=self.gpus,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                _temp_dir=str(folder / "r"),  # Ray opens this folder itself to everybody; its parent stays shut
            ) as lifeline:
                yield lifeline


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Drop what Ray prints: logs of its processes, to stdout, which is for results."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


@contextlib.contextmanager
def _session(address: str, **options: Any) -> Iterator[RayMonitor]:
    """Connect to Ray, and outlive all processes that this started."""
    with contextlib.ExitStack() as stack:
        with uninterrupted():  # a Ray left half started crashes when this process ends
            _connect(address, options)
            lifeline = stack.enter_context(_connected(address))
        yield lifeline


def _connect(address: str, options: dict[str, Any]) -> None:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InfrastructureError(f"cannot start Ray at {address}: {reason}; try --executor inline") from error


@contextlib.contextmanager
def _connected(address: str) -> Iterator[RayMonitor]:
    """Look after the Ray that this process is connected to, and shut it down."""
    import ray

    head = None if address == "local" else ray.get_runtime_context().gcs_address
    with RayMonitor(children(), head) as lifeline:
        try:
            yield lifeline
        except RayLostError as torn:
            raise InfrastructureError(str(torn)) from None
        finally:
            with uninterrupted():  # else nobody would see to it that they end
                lifeline.rest()
                processes = list({*lifeline.processes, *children()})  # workers came later
                ray.shutdown()
                _await_end(processes)


class _Here:
    """Holds what stays in this process: Ray pickles all it is given, and a listener cannot be copied."""

    def __init__(self, desk: "_Desk | None") -> None:
        self._desk = desk

    @property
    def desk(self) -> "_Desk":
        assert self._desk is not None, "a copy made by Ray has no desk"
        return self._desk

    def __reduce__(self) -> Any:
        return _Here, (None,)

    def __deepcopy__(self, memo: Any) -> "_Here":
        return self


class _Desk:
    """Between Ray's events and the listener: which jobs run on which actors, and which have to be ended."""

    def __init__(self, listener: Listener, stall_timeout: float | None, lifeline: RayMonitor) -> None:
        self.listener = listener
        self.lifeline = lifeline
        self.watchdog = Watchdog(stall_timeout)
        self.trials: dict[Job, Any] = {}  # jobs that were handed out -> Ray's trial, once it has begun
        self.why: dict[Job, Overdue] = {}  # jobs that the watchdog has ended
        self._looked = 0.0

    def give(self) -> Job | None:
        """The job to begin; None where there is none for now."""
        job = self.listener.next_job()
        if job is not None:
            self.trials[job] = None
        return job

    def started(self, job: Job, trial: Any) -> None:
        self.trials[job] = trial
        self.listener.started(job)
        self.watchdog.began(job)

    def reported(self, job: Job, report: TrialReport) -> bool:
        goes_on = self.listener.reported(job, report)
        self.watchdog.moved(job)
        if not goes_on:
            self._ended(job)
        return goes_on

    def lost(self, job: Job, error: Any) -> None:
        self.lifeline.check()
        why = self.why.pop(job, None)
        if why is None:
            text = _last_line(error)
            memory = "OutOfMemoryError" in str(error)
            why = Overdue(job=job, failure=Failure.OUT_OF_HOST_MEMORY if memory else Failure.WORKER_LOST, reason=text)
        self._ended(job)
        self.listener.lost(job, why.failure, why.reason)

    def look(self) -> bool:
        """End workers that are overdue; whether the whole search stops. Called several times a second."""
        import ray

        self.lifeline.check()
        if (now := time.monotonic()) - self._looked > LOOK_SECONDS:
            self._looked = now
            for late in self.watchdog.overdue():
                self.why[late.job] = late
                ray.kill(self.trials[late.job].temporary_state.ray_actor)  # also ends a stopped process
        return self.listener.stopping

    def _ended(self, job: Job) -> None:
        self.trials.pop(job, None)
        self.watchdog.ended(job)


def _tune(listener: Listener, executor: RayExecutor, lifeline: RayMonitor) -> None:
    """Let Ray's Tuner run what `listener` gives."""
    from ray import tune
    from ray.tune.schedulers import FIFOScheduler, TrialScheduler
    from ray.tune.search import Searcher

    here = _Here(_Desk(listener, executor.stall_timeout, lifeline))

    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    state = logging.getLogger("ray.tune.execution.experiment_state")  # Ray's own record, which nobody reads
    state.setLevel(logging.CRITICAL)  # a stop in the middle of its copying is no error

    class Worker(tune.Trainable):  # type: ignore[misc]  # Ray ships no types
        """One warm process: a step is an epoch, a reset takes up the next trial."""

        def setup(self, config: dict[str, Any]) -> None:
            self.reset_config(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            import torch

            job = new_config["job"]
            torch.set_num_threads(job.threads)
            self.reports = run_trial(job)
            return True

        def step(self) -> dict[str, Any]:
            report = next(self.reports)
            return {"report": json.dumps(report.to_json()), "done": report.status is not None}

    class Feed(Searcher):  # type: ignore[misc]
        """Gives Ray the next job when it has room for one."""

        def suggest(self, trial_id: str) -> Any:
            job = here.desk.give()
            if job is not None:
                return {"job": job}
            return None if here.desk.trials else Searcher.FINISHED

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            pass  # the relay hears of it

    class Verdict(FIFOScheduler):  # type: ignore[misc]
        """Passes reports on, and what the driver decides back."""

        def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
            goes_on = here.desk.reported(trial.config["job"], TrialReport.from_json(json.loads(result["report"])))
            return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

        def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
            """A report that ends its trial comes this way; so do, again, those after which Ray was told to stop."""
            report = TrialReport.from_json(json.loads(result["report"])) if "report" in result else None
            if report is not None and report.status is not None:
                here.desk.reported(trial.config["job"], report)

    class Relay(tune.Callback):  # type: ignore[misc]
        """Passes the other events on, in the driver's thread."""

        def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            here.desk.started(trial.config["job"], trial)

        def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            here.desk.lost(trial.config["job"], trial.get_pickled_error() or trial.get_error())

    class Stop(tune.Stopper):  # type: ignore[misc]
        """Ends the whole search when the driver wants to stop."""

        def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
            return False

        def stop_all(self) -> bool:
            return here.desk.look()

    with private_folder() as storage:
        tune.Tuner(
            tune.with_resources(Worker, {"cpu": executor.cpus_per_trial, "gpu": executor.gpus_per_trial}),
            tune_config=tune.TuneConfig(
                search_alg=Feed(),
                scheduler=Verdict(),
                num_samples=-1,  # as many as the listener gives
                reuse_actors=True,
                max_concurrent_trials=executor.concurrency,
                trial_name_creator=lambda trial: trial.config["job"].trial_id,
                trial_dirname_creator=lambda trial: f"{trial.config['job'].trial_id}-{trial.config['job'].attempt}",
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(storage),
                callbacks=[Relay()],
                stop=Stop(),
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()


def _last_line(error: Any) -> str:
    lines = str(error or "no reason given").strip().splitlines()
    return lines[-1] if lines else "no reason given"


def _await_end(processes: list[psutil.Process]) -> None:
    """Wait for Ray's processes; end by id those that outlive the patience."""
    _, alive = psutil.wait_procs(processes, timeout=SHUTDOWN_SECONDS)
    kill_processes(alive)
    psutil.wait_procs(alive, timeout=SHUTDOWN_SECONDS)
