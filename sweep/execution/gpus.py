"""GPUs of this host: how many trials share one, and which run holds it.

Two runs on one host would each use every GPU. Each run therefore holds an advisory lock for every GPU that it uses, in
a folder that all users of the host share. The operating system releases a lock when its process ends, so a file left
by a dead process blocks nobody. Lock files are never removed, because another process may be about to lock one.
"""

import contextlib
import json
import math
import os
import platform
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import RunError
from sweep.execution.nvidia import gpus_and_slices
from sweep.execution.ray_backend.private_folder import TEMPORARY
from sweep.store.locks import LockError, try_lock

SLACK = 1.1  # times the measured peak of the allocator's reserved memory, whose blocks fragment
UNIT = 10_000  # Ray counts GPUs in ten-thousandths
MOST_PER_GPU = 100  # trials on one GPU: more are not exact in Ray's unit
LOCKS = TEMPORARY / "explora-sweep-gpus"
CONTENT_BYTES = 512  # the most bytes of a lock file that are written or read


@dataclass(frozen=True, kw_only=True)
class GPUMemory:
    """What a trial needs of a GPU's memory, and what is free, in bytes."""

    reserved: int  # the most that torch's allocator took from the GPU
    context: int  # what a process takes besides
    free: int  # on the GPU with the least free memory, while no trial runs

    @property
    def needed(self) -> int:
        """Return the bytes that each trial gets."""
        return max(math.ceil(SLACK * self.reserved) + self.context, 1)

    @property
    def fitting(self) -> int:
        """Return how many trials fit on one GPU. Raise RunError if there is no room for one."""
        fitting = min(self.free // self.needed, MOST_PER_GPU)
        if fitting < 1:
            raise RunError(
                f"a trial needs {self.needed / 2**30:.1f} GiB of GPU memory ({self.reserved / 2**30:.1f} GiB plus 10 % "
                f"plus {self.context / 2**30:.1f} GiB for CUDA), but {self.free / 2**30:.1f} GiB are free: use a "
                "smaller batch_size, a smaller base, or lora"
            )
        return fitting

    @property
    def share(self) -> float:
        """Return the GPUs per trial, rounded down to Ray's unit, so that `fitting` trials never need more than one."""
        return UNIT // self.fitting / UNIT

    @property
    def limit(self) -> int:
        """Return the most bytes that the allocator of each trial may take, so that together they never take more than
        is free."""
        return self.free // self.fitting - self.context


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that CUDA_VISIBLE_DEVICES lets this process use, in a form that it accepts.

    A name is the GPU's UUID, or its index if the driver reports none, so it does not depend on which other GPUs are
    visible. In place of a divided GPU there are its MIG slices, though a process sees only the first of them.
    """
    import torch

    if not torch.cuda.is_available():
        return []
    listed = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    slices = listed or gpus_and_slices()
    if any(is_slice(name) for name in slices):
        return slices
    return [_uuid(index) or (listed[index] if listed else str(index)) for index in range(torch.cuda.device_count())]


def is_slice(name: str) -> bool:
    """Return whether a GPU's name is that of a MIG slice."""
    return name.startswith("MIG-")


def _uuid(index: int) -> str | None:
    import torch

    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    if uuid is None:
        return None
    return str(uuid) if str(uuid).startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"


@contextlib.contextmanager
def hold_gpus(names: Sequence[str], run_name: str, folder: Path = LOCKS) -> Iterator[None]:
    """Hold the GPUs `names` for the run `run_name`: all of them or none.

    `folder` holds the lock files of this host. Raise RunError, naming the GPU and its holder, if another process holds
    one of them.
    """
    with contextlib.ExitStack() as held:
        for name in sorted(set(names)):  # always in the same order, so that two runs never hold half each
            held.enter_context(HostLock(name, folder).hold(run_name))
        yield


@dataclass(frozen=True)
class HostLock:
    """An advisory, exclusive lock for one GPU of this host."""

    gpu: str  # UUID or index
    folder: Path = LOCKS

    @property
    def path(self) -> Path:
        """Return the lock file. Its name includes the host, because hosts may share their temporary folder."""
        return self.folder / (re.sub(r"[^\w.-]", "_", f"{platform.node()}-{self.gpu}") + ".lock")

    @contextlib.contextmanager
    def hold(self, run_name: str) -> Iterator[None]:
        """Hold the lock. Raise RunError if another process holds it, or if the file cannot be locked safely."""
        try:
            _make_shared(self.folder)
            descriptor = _open_shared(self.path)
        except OSError as error:
            raise RunError(
                f"cannot lock GPU {self.gpu} with {self.path}: {error.strerror or error}; remove that file or folder, "
                "or ask its owner to"
            ) from error
        try:
            try:
                is_free = try_lock(descriptor, self.path)
            except LockError as error:
                raise RunError(f"cannot lock GPU {self.gpu}: {error}") from error
            if not is_free:
                raise RunError(
                    f"GPU {self.gpu} is held by {_holder(descriptor)}: wait for it, choose another GPU with "
                    "CUDA_VISIBLE_DEVICES=..., or share the GPU among the trials of one run with --gpus-per-trial"
                )
            _write(descriptor, {"pid": os.getpid(), "run": run_name})
            yield
            _write(descriptor, {})
        finally:
            os.close(descriptor)


def _make_shared(folder: Path) -> None:
    """Create a folder like /tmp: every user may create files in it, but not remove those of others."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)  # mkdir applies the umask to its mode
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise NotADirectoryError(None, "it is not a folder")


def _open_shared(path: Path) -> int:
    """Open or create `path`, which every user may read and write. Refuse symbolic and hard links.

    Open an existing file without O_CREAT, which Linux may refuse for other users' files in such a folder.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        os.fchmod(descriptor, 0o666)
    except FileExistsError:
        descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise OSError(None, "it is not a plain file")
    return descriptor


def _write(descriptor: int, note: dict[str, object]) -> None:
    """Write who holds the lock. If the disk is full, only this note is lost."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode()[:CONTENT_BYTES], 0)


def _holder(descriptor: int) -> str:
    """Return who holds the lock according to the note, which any user may have written."""
    try:
        note = json.loads(os.pread(descriptor, CONTENT_BYTES, 0))
        return f"run {str(note['run'])!r} (process {int(note['pid'])})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
