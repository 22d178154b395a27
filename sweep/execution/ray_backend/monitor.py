"""Detect that Ray has died (Ray itself may hang for minutes) and unblock the driver.

If one of its services dies, Ray waits for a minute or forever, and so does the thread that called it. A second thread
therefore watches Ray, and kills what is left of it. If the calling thread still does not return, this process ends,
with the message that it would have ended with; the ledger is complete at any moment.
"""

import os
import threading
import time
from collections.abc import Collection

import psutil

from sweep.console import say
from sweep.execution.ray_backend.cluster import is_listening
from sweep.execution.ray_backend.private_folder import kill_processes, remove_own_folders

SERVICES = ("gcs_server", "raylet")  # the processes that a Ray cannot run without
CHECK_SECONDS = 0.5  # between two checks
STUCK_SECONDS = 10  # time for a call to a dead Ray to return
HEAD_SECONDS = 30  # of silence after which a cluster's head is lost; after 60 s Ray ends this process without a message


class RayLostError(BaseException):
    """Ray has died. Not an Exception: on an Exception Ray would clean up, which a dead Ray cannot."""


class RayMonitor:
    """Watches the Ray that this process is connected to, from the start of `with` to `stop_watching`."""

    def __init__(self, processes: Collection[psutil.Process], head: str | None = None) -> None:
        """`processes` are those of a Ray that was started here; `head` is HOST:PORT of the cluster that was joined."""
        self.processes = list(processes)  # every process of Ray so far
        self.services = {process: process.name() for process in processes if process.name() in SERVICES}
        self.head = head
        self.lost: str | None = None  # how Ray died, as a message
        self.resume_command = ""  # the command that resumes the run
        self._answered = time.monotonic()  # when the head last answered
        self._asked = self._answered
        self._stopped, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ray-monitor", daemon=True)

    def __enter__(self) -> "RayMonitor":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop_watching()
        self._over.set()
        self._thread.join()

    def stop_watching(self) -> None:
        """Stop watching, because Ray's processes may end now. If Ray has already died, still unblock the caller."""
        self._stopped.set()

    def check(self) -> None:
        """Raise RayLostError if Ray has died."""
        if self.lost is not None:
            raise RayLostError(self.lost)

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_SECONDS):
            self.processes = list({*self.processes, *children()})  # if the raylet dies, its workers are orphans
            if (loss := self._loss()) is not None:
                self.lost = f"Ray has died: {loss}. Nothing recorded is lost"
                kill_processes(self.processes)
                if not self._over.wait(STUCK_SECONDS):
                    self._leave()
                return

    def _loss(self) -> str | None:
        for process, name in self.services.items():
            if not is_alive(process):
                return f"its process {name} ({process.pid}) has ended"
        if self.head is not None and self._is_silent(self.head):
            return f"the head of the cluster, {self.head}, has not answered for {HEAD_SECONDS} s"
        return None

    def _is_silent(self, head: str) -> bool:
        """Return whether the head has been silent for HEAD_SECONDS. It is asked ten times in that period."""
        now = time.monotonic()
        if now - self._asked >= HEAD_SECONDS / 10:
            self._asked = now
            if is_listening(head, HEAD_SECONDS / 10):
                self._answered = now
        return now - self._answered > HEAD_SECONDS

    def _leave(self) -> None:
        """End this process from this thread, because the main thread is stuck in a call to Ray."""
        remove_own_folders()
        say(f"Error: {self.lost}; resume with: {self.resume_command}", err=True)
        os._exit(1)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)
