"""Delete and rename runs: `sweep rm` and `sweep mv`.

Both are one rename for every other process, so a crash leaves the run as it was or as it should be. What is left of a
half-deleted run is removed by `sweep gc`.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from model.durable import flush_folder
from sweep.errors import RunError, UsageError
from sweep.store import heartbeat
from sweep.store.run_folder import RunFolder, check_name, list_runs
from sweep.store.state import load_state


def borrowers(folder: RunFolder) -> dict[str, int]:
    """Return the runs beside `folder` that have taken results from it, with their number. They keep the results."""
    found = {}
    for other in list_runs(folder.path.parent):
        with contextlib.suppress(UsageError):  # a run that cannot be read
            count = sum(event.from_run == folder.name for event in load_state(other).cached.values())
            if count and other.name != folder.name:
                found[other.name] = count
    return found


def remove_run(folder: RunFolder) -> None:
    """Delete a run; of a symbolic link, only the link. Raise RunError if a process works on it or the disk fails."""
    with _unused(folder):
        if folder.path.is_symlink():
            folder.path.unlink()
            return
        staged = folder.path.with_name(f".{folder.name}.{os.getpid()}")
        _rename(folder.path, staged)
        shutil.rmtree(staged, ignore_errors=True)


def rename_run(folder: RunFolder, name: str) -> RunFolder:
    """Rename a run and return it. Raise RunError if `name` is taken, a process works on the run, or the disk fails."""
    target = folder.path.with_name(check_name(name))
    with _unused(folder):
        if os.path.lexists(target):
            raise RunError(f"{target} exists; choose another name")
        _rename(folder.path, target)
    return RunFolder(target)


@contextlib.contextmanager
def _unused(folder: RunFolder) -> Iterator[None]:
    """Hold the lock of a run that no driver and no worker uses. Raise RunError if one does."""
    with folder.lock():
        for place in (folder.path / "checkpoints").glob("*"):
            if heartbeat.is_held(place):
                raise RunError(f"a worker still trains {place.name} of run {folder.name!r}: wait for it, or end it")
        yield


def _rename(path: Path, target: Path) -> None:
    try:
        path.rename(target)
        flush_folder(path.parent)
    except OSError as error:
        raise RunError(f"cannot rename {path}: {error.strerror}") from error
