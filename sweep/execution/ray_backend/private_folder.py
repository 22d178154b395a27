"""The folder that a Ray of our own lives in: closed to others, removed with it, cleared away after a killed run."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

TEMPORARY = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # the shortest there is
PREFIX = "explora-sweep-"  # of the names of private folders; the owner's process id follows
OWNER = "owner"  # a file in a private folder that its owner holds locked


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user can enter, removed at the end. Short: sockets' paths have at most 107 bytes.

    Folders of this user's processes that were killed before they could remove theirs are removed too.
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
    """Remove the folders of this process, which is about to end without leaving `private_folder` in order."""
    for folder in TEMPORARY.glob(f"{PREFIX}{os.getpid()}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def clear_left_folders() -> None:
    """Remove what killed processes of this user have left in the temporary folder, and what still works in it."""
    for left in left_folders():
        kill_processes(_processes_of(left))
        shutil.rmtree(left, ignore_errors=True)


def _processes_of(folder: Path) -> Iterator[psutil.Process]:
    """This user's processes of the Ray in `folder`: its agents outlive a killed driver by a minute.

    Those that have put a name in the place of their command line are known by the logs that they write.
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


def kill_processes(processes: Iterable[psutil.Process]) -> None:
    """End processes, by id."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
