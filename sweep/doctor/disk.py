"""Check the places that are written to: the out folder, the temporary folder, shared memory, the home folder."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from sweep.doctor.findings import Check, note, ok, problem
from sweep.execution.ray_backend.private_folder import TEMPORARY
from sweep.execution.ray_backend.settings import OBJECT_STORE_BYTES
from sweep.store.run_folder import FREE_BYTES, existing

SHARED_MEMORY = Path("/dev/shm")
TIGHT_BYTES = 2**30  # less free space than this is noted, though a run would start


def out_space(out: Path) -> Check:
    """Check the free space under `out`; a run does not start with less than `FREE_BYTES`."""
    return _space("disk of --out", existing(out), "free some disk space, or choose another folder with --out")


def temporary_space() -> Check:
    return _space("temporary disk", TEMPORARY, f"free some space in {TEMPORARY}: Ray keeps its sockets and logs there")


def _space(name: str, folder: Path, remedy: str) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:,.1f} GiB free in {folder}"
    if free < FREE_BYTES:
        return problem(name, found, remedy)
    return note(name, found, remedy) if free < TIGHT_BYTES else ok(name, found)


def out_writable(out: Path) -> Check:
    """Check that runs can be written under `out`, and that a file lock there excludes a second writer."""
    folder = existing(out)
    name, remedy = (
        "--out",
        "choose a folder on a local disk with --out, or mount this one with file locks (NFS: without nolock)",
    )
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return problem(
            name, f"{folder} cannot be written to: {error.strerror}", "choose another folder with --out, or chown it"
        )
    try:
        locks = _locks_exclude(folder)
    except OSError as error:
        return problem(name, f"{folder} does not support file locks: {error.strerror}", remedy)
    if not locks:
        return problem(name, f"file locks in {folder} do not exclude a second writer, which could damage a run", remedy)
    missing = "" if folder == out.absolute() else f"; {out.name} is created when a run starts"
    return ok(name, f"{folder} can be written to and locked{missing}")


def _locks_exclude(folder: Path) -> bool:
    """Return whether a second lock on a file is refused. Both are open for writing, because NFS requires that."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file, open(file.name, "r+b") as second:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        return False


def shared_memory() -> Check:
    """Check that Ray's object store fits into shared memory."""
    if not SHARED_MEMORY.is_dir():
        return ok("shared memory", f"this system has no {SHARED_MEMORY}, and Ray needs none")
    free = shutil.disk_usage(SHARED_MEMORY).free
    found = f"{free / 2**20:,.0f} MiB free in {SHARED_MEMORY}"
    if free < OBJECT_STORE_BYTES:
        needed = f"{found}, but Ray needs {OBJECT_STORE_BYTES / 2**20:.0f}"
        return problem(
            "shared memory", needed, "in Docker: docker run --shm-size=1g; or use --executor inline, which needs none"
        )
    return ok("shared memory", found)


def home() -> Check:
    """Check the home folder, where Ray and the hub's client keep files."""
    folder = Path(os.path.expanduser("~"))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return note(
            "home",
            f"{folder} cannot be written to: {error.strerror}",
            "set HF_HOME to a writable folder for bases from the hub, and HOME too if Ray complains",
        )
    return ok("home", f"{folder} can be written to")
