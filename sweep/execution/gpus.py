"""GPUs of this host: how many trials share one, and which run holds it.

Two runs on one host each believe that every GPU is theirs. Each run therefore holds an advisory lock for every GPU it
uses, in a folder that all users of the host share. The system frees a lock with the process that holds it, so that a
file left by a dead process blocks nobody; files are never removed, since another process may be about to lock one.
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

HEADROOM = 1.25  # of the measured peak: the allocator's own blocks, the CUDA context, longer batches than were measured
UNIT = 10_000  # Ray counts GPUs in ten-thousandths
MOST = 100  # trials on one GPU: more of them could not be told apart in Ray's unit
LOCKS = TEMPORARY / "explora-sweep-gpus"
CONTENT_BYTES = 512  # more than a holder's note has


def share(peak_bytes: int, total_bytes: int) -> float:
    """GPUs per trial: 1 / k for the largest k such that k trials that peak at `peak_bytes` fit into `total_bytes`.

    Each is given `HEADROOM` times its peak. Rounded down to Ray's unit, so that k of them are never more than one GPU.
    Raises RunError when not even one fits.
    """
    needed = max(peak_bytes, 1) * HEADROOM
    fitting = min(int(total_bytes / needed), MOST)
    if fitting < 1:
        raise RunError(
            f"a trial takes {needed / 2**30:.1f} GiB of GPU memory ({peak_bytes / 2**30:.1f} GiB and a quarter more), "
            f"but the GPU has {total_bytes / 2**30:.1f} GiB: take a smaller batch_size, a smaller base, or lora"
        )
    return UNIT // fitting / UNIT


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES takes them; it is honoured itself.

    A GPU has the same name whatever is visible beside it: its UUID, or its index where the driver tells none.
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

    `folder` is where this host's locks lie. Raises RunError, naming the GPU and its holder, while another process has
    one of them.
    """
    with contextlib.ExitStack() as held:
        for name in sorted(set(names)):  # in one order, so that two runs never hold half each
            held.enter_context(HostLock(name, folder).hold(run_name))
        yield


@dataclass(frozen=True)
class HostLock:
    """An advisory, exclusive lock for one GPU of this host."""

    gpu: str  # index or UUID
    folder: Path = LOCKS

    @property
    def path(self) -> Path:
        """The host is part of it: some hosts share their temporary folder."""
        return self.folder / (re.sub(r"[^\w.-]", "_", f"{platform.node()}-{self.gpu}") + ".lock")

    @contextlib.contextmanager
    def hold(self, run_name: str) -> Iterator[None]:
        """Raises RunError while another process holds it, or where the lock cannot be had safely."""
        try:
            _make_shared(self.folder)
            descriptor = _open_shared(self.path)
        except OSError as error:
            raise RunError(
                f"cannot lock GPU {self.gpu} by {self.path}: {error.strerror or error}; remove that file or folder, "
                "or ask its owner to"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(
                    f"GPU {self.gpu} is held by {_holder(descriptor)}: wait for it, choose another GPU with "
                    "CUDA_VISIBLE_DEVICES=..., or let one run share the GPU among its trials by --gpus-per-trial"
                ) from error
            _write(descriptor, {"pid": os.getpid(), "run": run_name})
            yield
            _write(descriptor, {})
        finally:
            os.close(descriptor)


def _make_shared(folder: Path) -> None:
    """A folder like /tmp itself: everybody may make files, nobody may remove another's."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)  # mkdir's own mode is cut by the umask
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise NotADirectoryError(None, "it is no folder")


def _open_shared(path: Path) -> int:
    """Open `path` for reading and writing by everybody. Never follows a link, nor writes to a file of another name.

    Without O_CREAT where it exists: Linux may refuse that for files of other users in a folder like this.
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
        raise OSError(None, "it is no plain file")
    return descriptor


def _write(descriptor: int, note: dict[str, object]) -> None:
    """Say who holds the lock. A disk that is full costs the note only."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode()[:CONTENT_BYTES], 0)


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as the note tells; anybody may have written it."""
    try:
        note = json.loads(os.pread(descriptor, CONTENT_BYTES, 0))
        return f"run {str(note['run'])!r} (process {int(note['pid'])})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
