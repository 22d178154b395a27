"""Trials on Ray's workers. The only file that imports Ray.

Ray schedules and executes; it owns nothing that must last. Its state files are never read back: reports go to the
listener as they arrive, checkpoints are ours. Workers are reused from trial to trial, so torch, base weights and
tokenized data are loaded once per worker.

A local Ray listens on the loopback interface only, asks for a private token, and lives in a private folder that is
removed with it (Ray's own defaults are the outward interface and a token in the home folder that others can read).
"""

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sweep.errors import Breakdown
from sweep.executor import Listener
from sweep.trial import Job, TrialReport, run_trial

# Ray reads these when it is imported.
LOCAL_ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # makes a local node take 127.0.0.1 as its address
    "RAY_AUTH_MODE": "token",
}
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger is the log
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # signals are the driver's
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
OBJECT_STORE_BYTES = 192 * 2**20  # reports are small; weights go by path
TEMPORARY = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # the shortest there is
TOKEN = secrets.token_hex(32)  # one for the life of this process: Ray reads it once and keeps it
PREFIX = "explora-sweep-"  # of the names of private folders; the owner's process id follows
OWNER = "owner"  # a file in a private folder that its owner holds locked
SHUTDOWN_SECONDS = 15  # for Ray's processes to be gone


@dataclass(frozen=True, kw_only=True)
class RayExecutor:
    """Runs jobs on a Ray of its own, or on the cluster at `address`."""

    concurrency: int | None  # trials at a time; None: as many as the cluster at `address` holds
    cpus_per_trial: int  # cores, and threads of each trial
    gpus_per_trial: float = 0.0  # GPUs; a fraction shares one
    address: str | None = None  # HOST:PORT or "auto" of a running cluster; None = start one here

    def run(self, jobs: Sequence[Job], listener: Listener) -> None:
        with self._cluster():
            _tune(jobs, listener, self)

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[None]:
        """A Ray to run on, shut down at the end. Raises Breakdown where `address` answers to no cluster."""
        os.environ.update(ENVIRONMENT)
        if self.address is not None:
            with _session(address=self.address):
                yield
            return
        with _private_folder() as folder:
            token = folder / "token"
            token.touch(mode=0o600)
            token.write_text(TOKEN)
            os.environ.update(LOCAL_ENVIRONMENT, RAY_AUTH_TOKEN_PATH=str(token))
            with _session(
                address="local",
                num_cpus=(self.concurrency or 1) * self.cpus_per_trial,
                num_gpus=_gpus() if self.gpus_per_trial else 0,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                _temp_dir=str(folder / "r"),  # Ray opens this folder itself to everybody; its parent stays shut
            ):
                yield


@contextlib.contextmanager
def _session(address: str, **options: Any) -> Iterator[None]:
    """Connect to Ray, leave signals to whoever had them, and outlive all processes that this started."""
    import ray

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Breakdown(f"cannot start Ray at {address}: {reason}; try --executor inline") from error
    children = _children()
    try:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)  # Ray has put its own in place
        yield
    finally:
        ray.shutdown()
        _await_end(children)


class _Here:
    """Holds an object that stays in this process: Ray pickles all it is given, and a listener cannot be copied."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener

    @property
    def listener(self) -> Listener:
        assert self._listener is not None, "a copy made by Ray has no listener"
        return self._listener

    def __reduce__(self) -> Any:
        return _Here, (None,)

    def __deepcopy__(self, memo: Any) -> "_Here":
        return self


def _tune(jobs: Sequence[Job], listener: Listener, executor: RayExecutor) -> None:
    from ray import tune

    here = _Here(listener)

    logging.getLogger("ray.tune").setLevel(logging.ERROR)

    class Worker(tune.Trainable):  # type: ignore[misc]  # Ray ships no types
        """One warm process: a step is an epoch, a reset takes up the next trial."""

        def setup(self, config: dict[str, Any], jobs: Sequence[Job]) -> None:
            self.jobs = jobs
            self.reset_config(config)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            import torch

            job = self.jobs[new_config["index"]]
            torch.set_num_threads(job.threads)
            self.reports = run_trial(job)
            return True

        def step(self) -> dict[str, Any]:
            report = next(self.reports)
            return {"report": report.as_dict(), "done": report.status is not None}

    class Relay(tune.Callback):  # type: ignore[misc]
        """Passes Ray's events on, in the driver's thread."""

        def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            here.listener.started(jobs[trial.config["index"]])

        def on_trial_result(
            self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
        ) -> None:
            here.listener.reported(jobs[trial.config["index"]], TrialReport.from_dict(result["report"]))

        def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            here.listener.lost(jobs[trial.config["index"]], _last_line(trial.get_pickled_error() or trial.get_error()))

    class Stop(tune.Stopper):  # type: ignore[misc]
        """Ends the whole search when the driver wants to stop."""

        def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
            return False

        def stop_all(self) -> bool:
            return here.listener.stopping

    with _private_folder() as storage:
        tune.Tuner(
            tune.with_resources(
                tune.with_parameters(Worker, jobs=list(jobs)),
                {"cpu": executor.cpus_per_trial, "gpu": executor.gpus_per_trial},
            ),
            param_space={"index": tune.grid_search(list(range(len(jobs))))},
            tune_config=tune.TuneConfig(
                reuse_actors=True,
                max_concurrent_trials=executor.concurrency,
                trial_name_creator=lambda trial: jobs[trial.config["index"]].trial_id,
                trial_dirname_creator=lambda trial: jobs[trial.config["index"]].trial_id,
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


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder that only this user can enter, removed at the end. Short: sockets' paths have at most 107 bytes.

    Folders of this user's processes that were killed before they could remove theirs are removed too.
    """
    for left in left_folders():
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=TEMPORARY))
    try:
        with (folder / OWNER).open("w") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def left_folders() -> list[Path]:
    """Private folders of this user's processes that were killed before they could remove theirs."""
    owners = [owner for owner in TEMPORARY.glob(f"{PREFIX}*/{OWNER}") if owner.stat().st_uid == os.getuid()]
    return [owner.parent for owner in owners if _is_free(owner)]


def _is_free(lock: Path) -> bool:
    """Whether nobody holds `lock`; the system frees it with its process."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _last_line(error: Any) -> str:
    lines = str(error or "no reason given").strip().splitlines()
    return lines[-1] if lines else "no reason given"


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _await_end(processes: list[psutil.Process]) -> None:
    """Wait for Ray's processes; end by id those that outlive the patience."""
    _, alive = psutil.wait_procs(processes, timeout=SHUTDOWN_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=SHUTDOWN_SECONDS)
