"""Run trials on Ray's workers. Only the modules of this folder import Ray.

Ray places and executes trials; it stores nothing that must last. Its state files are never read: reports go to the
listener as they arrive, and checkpoints are written by the trial. Workers are reused from trial to trial, so torch,
base weights and tokenized data are loaded once per worker.

A local Ray listens on the loopback interface only, requires a private token, and keeps its files in a private folder
that is removed at the end. (Ray's own defaults are the external interface, and a token in the home folder that other
users can read.)
"""

import contextlib
import importlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sweep.errors import InfrastructureError
from sweep.execution.executor import Listener
from sweep.execution.gpus import is_slice
from sweep.execution.interrupts import uninterrupted
from sweep.execution.ray_backend.cluster import check_cluster, is_local
from sweep.execution.ray_backend.monitor import RayLostError, RayMonitor, children
from sweep.execution.ray_backend.private_folder import kill_processes, private_folder
from sweep.execution.ray_backend.settings import (
    ENVIRONMENT,
    LOCAL_ENVIRONMENT,
    LOOPBACK,
    OBJECT_STORE_BYTES,
    SHUTDOWN_SECONDS,
    TOKEN,
)

PACKAGE_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class RayExecutor:
    """Runs jobs on a local Ray that it starts, or on the cluster at `address`."""

    concurrency: int | None  # parallel trials; None: as many as the cluster at `address` has room for
    cpus_per_trial: int  # cores, and threads of each trial
    gpus_per_trial: float = 0.0  # a fraction shares a GPU among trials
    gpus: Sequence[str] = ()  # names of those that a local Ray offers to trials
    address: str | None = None  # HOST:PORT of a running cluster, or "auto"; None: start a local Ray
    stall_timeout: float | None = None  # seconds without a heartbeat after which a worker is killed

    def run(self, listener: Listener) -> None:
        with _without_output(), self._cluster() as monitor:
            from sweep.execution.ray_backend.adapter import Desk, run_jobs  # imports Ray, which reads ENVIRONMENT
            from sweep.execution.ray_backend.nodes import check_nodes

            monitor.resume_command = listener.resume_command
            desk = Desk(listener, self.stall_timeout, monitor)
            if self.address is not None and (job := desk.first_job()) is not None:
                check_nodes(job, listener.folder, cpus=self.cpus_per_trial)
            with private_folder() as storage:
                run_jobs(
                    desk,
                    storage,
                    concurrency=self.concurrency,
                    cpus_per_trial=self.cpus_per_trial,
                    gpus_per_trial=self.gpus_per_trial,
                )

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[RayMonitor]:
        """Yield the monitor of a Ray to run on. At the end, shut that Ray down if it was started here.

        Raise InfrastructureError if there is no cluster at `address`.
        """
        os.environ.update(ENVIRONMENT)
        if self.address is not None:
            with joined(self.address) as monitor:
                yield monitor
            return
        with private_folder() as folder:
            token = folder / "token"
            token.touch(mode=0o600)
            token.write_text(TOKEN)
            os.environ.update(LOCAL_ENVIRONMENT, RAY_AUTH_TOKEN_PATH=str(token))
            if any(map(is_slice, self.gpus)):  # Ray gives each worker one of those listed here
                os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpus)
            with _session(
                address="local",
                num_cpus=(self.concurrency or 1) * self.cpus_per_trial,
                num_gpus=len(self.gpus),
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                _temp_dir=str(folder / "r"),  # Ray makes this folder readable to all; its parent stays private
            ) as monitor:
                yield monitor


@contextlib.contextmanager
def joined(address: str) -> Iterator[RayMonitor]:
    """Join the cluster at `address`. Raise InfrastructureError if there is none."""
    os.environ.update(ENVIRONMENT)
    if is_local(address):
        os.environ.update(LOOPBACK)
    check_cluster(address)
    with _session(address=address) as monitor:
        yield monitor


@contextlib.contextmanager
def _without_output() -> Iterator[None]:
    """Discard what Ray prints to stdout (logs of its processes), because stdout is for results."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


@contextlib.contextmanager
def _session(address: str, **options: Any) -> Iterator[RayMonitor]:
    """Connect to Ray, and at the end wait until all processes that this started are gone."""
    with contextlib.ExitStack() as stack:
        with uninterrupted():  # a half-started Ray crashes when this process ends
            _connect(address, options)
            monitor = stack.enter_context(_connected(address))
        yield monitor


def _connect(address: str, options: dict[str, Any]) -> None:
    """Start or join Ray from the folder that this package is imported from.

    Ray puts the driver's working folder first on the import path of its workers. If that were the user's folder, a file
    `model.py` in it, or another version of this package, would be imported instead of ours.
    """
    import ray

    if address == "local":  # a cluster that is joined runs already, and `sweep doctor` joins one to ask, not to train
        threading.Thread(target=_import_early, daemon=True).start()
    try:
        with contextlib.chdir(PACKAGE_ROOT):
            ray.init(address=address, log_to_driver=False, logging_level="error", **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InfrastructureError(f"cannot start Ray at {address}: {reason}; try --executor inline") from error


def _import_early() -> None:
    """Import what this process needs later, while it waits for Ray's processes to start."""
    with contextlib.suppress(Exception):  # whoever needs it reports the error
        for module in ("pandas", "sweep.execution.ray_backend.adapter", "scipy.special"):
            importlib.import_module(module)


@contextlib.contextmanager
def _connected(address: str) -> Iterator[RayMonitor]:
    """Monitor the Ray that this process is connected to, and shut it down at the end."""
    import ray

    head = None if address == "local" else ray.get_runtime_context().gcs_address
    with RayMonitor(children(), head) as monitor:
        try:
            yield monitor
        except RayLostError as error:
            raise InfrastructureError(str(error)) from None
        finally:
            with uninterrupted():  # an interrupt here would leave Ray's processes running
                monitor.stop_watching()
                processes = list({*monitor.processes, *children()})  # with workers that started later
                ray.shutdown()
                _await_end(processes)


def _await_end(processes: list[psutil.Process]) -> None:
    """Wait for Ray's processes to end, and kill those that take longer than SHUTDOWN_SECONDS."""
    _, alive = psutil.wait_procs(processes, timeout=SHUTDOWN_SECONDS)
    kill_processes(alive)
    psutil.wait_procs(alive, timeout=SHUTDOWN_SECONDS)
