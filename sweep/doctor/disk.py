"""Checks of where things are written: the out folder, the temporary folder, shared memory, the home folder."""

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
TIGHT_BYTES = 2**30  # less than this is told, though a run would start


def out_space(out: Path) -> Check:
    """A run is not started with less than `FREE_BYTES`."""
    return _space("disk of --out", existing(out), "make room, or choose another folder with --out")


def temporary_space() -> Check:
    return _space("temporary disk", TEMPORARY, f"make room in {TEMPORARY}: Ray keeps its sockets and logs there")


def _space(name: str, folder: Path, remedy: str) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:,.1f} GiB free in {folder}"
    if free < FREE_BYTES:
        return problem(name, found, remedy)
    return note(name, found, remedy) if free < TIGHT_BYTES else ok(name, found)


def out_writable(out: Path) -> Check:
    """Whether runs can be written under `out`, and whether a lock there keeps a second writer away."""
    folder = existing(out)
    name, remedy = (
        "--out",
        "choose a folder on a local disk with --out, or mount this one with locks (NFS: without nolock)",
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
        return problem(name, f"{folder} has no file locks: {error.strerror}", remedy)
    if not locks:
        return problem(name, f"file locks in {folder} keep nobody out: two writers could damage a run", remedy)
    missing = "" if folder == out.absolute() else f"; {out.name} is made when a run starts"
    return ok(name, f"{folder} can be written to and locked{missing}")


def _locks_exclude(folder: Path) -> bool:
    """Whether a second lock on one file is refused. Both are open for writing: NFS locks no others."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file, open(file.name, "r+b") as second:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        return False


def shared_memory() -> Check:
    """Ray's object store lies there."""
    if not SHARED_MEMORY.is_dir():
        return ok("shared memory", f"this system has no {SHARED_MEMORY}, and Ray needs none")
    free = shutil.disk_usage(SHARED_MEMORY).free
    found = f"{free / 2**20:,.0f} MiB free in {SHARED_MEMORY}"
    if free < OBJECT_STORE_BYTES:
        needed = f"{found}, Ray takes {OBJECT_STORE_BYTES / 2**20:.0f}"
        return problem("shared memory", needed, "docker run --shm-size=1g; or --executor inline, which needs none")
    return ok("shared memory", found)


def home() -> Check:
    """Ray and the hub's client keep files there."""
    folder = Path(os.path.expanduser("~"))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return note(
            "home",
            f"{folder} cannot be written to: {error.strerror}",
            "set HF_HOME to a folder that can, for bases from a hub, and HOME itself if Ray complains",
        )
    return ok("home", f"{folder} can be written to")
