"""GPUs of this host: how many trials share one, and which run holds it.

Two runs on one host would each use every GPU. Each run therefore holds an advisory lock for every GPU that it uses, in
a folder that all users of the host share. The operating system releases a lock when its process ends, so a file left
by a dead process blocks nobody. Lock files are never removed, because another process may be about to lock one.
"""

import contextlib
import fcntl
import json
import os
import platform
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import RunError
from sweep.execution.ray_backend.private_folder import TEMPORARY

HEADROOM = 1.25  # times the measured peak: for allocator blocks, the CUDA context, and longer batches
UNIT = 10_000  # Ray counts GPUs in ten-thousandths
MOST_PER_GPU = 100  # trials on one GPU: more are not exact in Ray's unit
LOCKS = TEMPORARY / "explora-sweep-gpus"
CONTENT_BYTES = 512  # the most bytes of a lock file that are written or read


def share(peak_bytes: int, total_bytes: int) -> float:
    """Return the GPUs per trial: 1 / k for the largest k such that k trials fit into `total_bytes` of memory.

    Each trial gets `HEADROOM` times its peak, `peak_bytes`. The result is rounded down to Ray's unit, so that k trials
    never need more than one GPU. Raise RunError if not even one trial fits.
    """
    needed = max(peak_bytes, 1) * HEADROOM
    fitting = min(int(total_bytes / needed), MOST_PER_GPU)
    if fitting < 1:
        raise RunError(
            f"a trial needs {needed / 2**30:.1f} GiB of GPU memory ({peak_bytes / 2**30:.1f} GiB plus 25 %), "
            f"but the GPU has {total_bytes / 2**30:.1f} GiB: use a smaller batch_size, a smaller base, or lora"
        )
    return UNIT // fitting / UNIT


def visible_gpus() -> list[str]:
    """Return the names of the GPUs that CUDA_VISIBLE_DEVICES lets this process use, in a form that it accepts.

    A name is the GPU's UUID, or its index if the driver reports none, so it does not depend on which other GPUs are
    visible.
    """
    import torch

    if not torch.cuda.is_available():
        return []
    listed = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return [_uuid(index) or (listed[index] if listed else str(index)) for index in range(torch.cuda.device_count())]


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
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(
                    f"GPU {self.gpu} is held by {_holder(descriptor)}: wait for it, choose another GPU with "
                    "CUDA_VISIBLE_DEVICES=..., or share the GPU among the trials of one run with --gpus-per-trial"
                ) from error
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
