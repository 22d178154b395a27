"""The private folder of a local Ray: closed to other users, removed at the end, and cleaned up after killed runs."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

TEMPORARY = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # the shortest path there is
PREFIX = "explora-sweep-"  # of the folders' names; the owner's process id follows
OWNER = "owner"  # the file in a private folder that its owner keeps locked


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield a folder that only this user can enter, and remove it at the end.

    Its path is short, because the path of a socket has at most 107 bytes. Folders that killed processes of this user
    left behind are removed too.
    """
    clear_left_folders()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=TEMPORARY))
    try:
        with (folder / OWNER).open("w") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_own_folders() -> None:
    """Remove the folders of this process, which is about to end without leaving `private_folder`."""
    for folder in TEMPORARY.glob(f"{PREFIX}{os.getpid()}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def clear_left_folders() -> None:
    """Remove the folders that killed processes of this user left behind, and kill the processes of Ray in them."""
    for left in left_folders():
        kill_processes(_processes_of(left))
        shutil.rmtree(left, ignore_errors=True)


def _processes_of(folder: Path) -> Iterator[psutil.Process]:
    """Yield this user's processes of the Ray in `folder`; its agents outlive a killed driver by a minute.

    Processes that replaced their command line by a name are recognized by the log files that they have open.
    """
    below = f"{folder}/"
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid == os.getpid() or process.uids().real != os.getuid():
                continue
            if any(below in part for part in process.cmdline()) or (
                process.name().startswith("ray::") and any(file.path.startswith(below) for file in process.open_files())
            ):
                yield process


def left_folders() -> list[Path]:
    """Return the private folders that killed processes of this user left behind."""
    owners = [owner for owner in TEMPORARY.glob(f"{PREFIX}*/{OWNER}") if owner.stat().st_uid == os.getuid()]
    return [owner.parent for owner in owners if _is_free(owner)]


def _is_free(lock: Path) -> bool:
    """Return whether no process holds `lock`; the system releases it when its process ends."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def kill_processes(processes: Iterable[psutil.Process]) -> None:
    """Kill `processes`, by id."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
