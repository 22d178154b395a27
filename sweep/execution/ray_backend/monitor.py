"""Notices that a Ray is lost, which Ray itself does late or never, and sees that nobody waits for it.

Without one of its services a Ray only waits, for a minute or for ever, and the thread that calls it with it. So another
thread looks, and ends what is left of that Ray. Where the waiting thread still does not come back, this process ends:
with the message that it would have ended with, and a ledger that is whole at any moment.
"""

import os
import threading
import time
from collections.abc import Collection

import psutil

from sweep.console import say
from sweep.execution.ray_backend.cluster import answers
from sweep.execution.ray_backend.private_folder import kill_processes, remove_own_folders

SERVICES = ("gcs_server", "raylet")  # processes that hold a Ray together
LOOK_SECONDS = 0.5  # between two looks
STUCK_SECONDS = 10  # for the thread that calls a lost Ray to come back
HEAD_SECONDS = 30  # of silence after which a cluster's head is lost; after 60 Ray ends this process without a word


class RayLostError(BaseException):
    """Ray is lost. Not an Exception: Ray would tidy up on one, which it cannot any more."""


class RayMonitor:
    """Looks after the Ray that this process is connected to, from `with` to `rest`."""

    def __init__(self, processes: Collection[psutil.Process], head: str | None = None) -> None:
        """`processes`: those of a Ray that was started here; `head`: HOST:PORT of the cluster that was joined."""
        self.processes = list(processes)  # all that there have been
        self.services = {process: process.name() for process in processes if process.name() in SERVICES}
        self.head = head
        self.torn: str | None = None  # what has ended, as a message
        self.resume_command = ""  # what to type to go on
        self._heard = time.monotonic()  # when the head last answered
        self._asked = self._heard
        self._resting, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lifeline", daemon=True)

    def __enter__(self) -> "RayMonitor":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.rest()
        self._over.set()
        self._thread.join()

    def rest(self) -> None:
        """What ends from now on is meant to. (A Ray that is lost already may yet keep the calling thread waiting.)"""
        self._resting.set()

    def check(self) -> None:
        """Raises RayLostError where Ray is lost."""
        if self.torn is not None:
            raise RayLostError(self.torn)

    def _watch(self) -> None:
        while not self._resting.wait(LOOK_SECONDS):
            self.processes = list({*self.processes, *children()})  # workers are nobody's children without their raylet
            if (loss := self._loss()) is not None:
                self.torn = f"Ray has broken down: {loss}. Nothing recorded is lost"
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
        """Whether the head has been silent for too long; asked ten times in that time."""
        now = time.monotonic()
        if now - self._asked >= HEAD_SECONDS / 10:
            self._asked = now
            if answers(head, HEAD_SECONDS / 10):
                self._heard = now
        return now - self._heard > HEAD_SECONDS

    def _leave(self) -> None:
        """End this process from a thread that is not the main one, which is stuck within Ray."""
        remove_own_folders()
        say(f"Error: {self.torn}; resume with: {self.resume_command}", err=True)
        os._exit(1)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)
