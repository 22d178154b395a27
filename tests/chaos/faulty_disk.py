"""A disk that fails at the k-th operation: it crashes, loses power, refuses, is full, or writes half.

Everything that changes a file below one folder goes through here: `os.write`, `fsync`, `open`, `mkdir`, `rename`,
`replace`, `unlink`, `rmdir`, `ftruncate`, and files opened for writing bytes. Nothing is really flushed, so a thousand
faults take seconds. What was not flushed is gone when the power is: bytes written since the last fsync of the file, and
names made since the last fsync of their folder.
"""

import errno
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CRASH, POWER, EIO, ENOSPC, SHORT = "crash", "power", "EIO", "ENOSPC", "short"
FAULTS = (CRASH, POWER, EIO, ENOSPC, SHORT)
WRITING = {"write", "open", "mkdir", "rename", "fsync"}  # what a full disk refuses; it still lets one delete


class Crash(BaseException):
    """The process is gone: no handler of the program may take this for an error."""


class FaultyDisk:
    """Operations below `root`, counted from `arm` on."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0
        self._at: int | None = None
        self._fault = ""
        self._armed = self._dead = False
        self._paths: dict[int, Path] = {}  # of descriptors
        self._flushed: dict[Path, int] = {}  # bytes of a file that are safe, where not all are
        self._fresh: set[Path] = set()  # names that a loss of power takes away

    def arm(self, at: int | None, fault: str) -> None:
        """Let `fault` happen at operation `at`, counted from 1 and from now; None: only count."""
        self.count, self._at, self._fault, self._armed = 0, at, fault, True

    def lose_power(self) -> None:
        """Take back all that was not flushed."""
        for path, length in self._flushed.items():
            if path.exists():
                os.truncate(path, length)
        for path in sorted(self._fresh, key=lambda path: len(path.parts), reverse=True):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self._flushed.clear()
        self._fresh.clear()

    def rest(self) -> None:
        """No more faults: the machine is up again."""
        self._armed = self._dead = False
        self._paths.clear()

    # One operation.

    def _step(self, kind: str) -> bool:
        """Count an operation; raise what it ends in. True: it is to be done by half."""
        if not self._armed:
            return False
        if self._dead:
            raise Crash
        self.count += 1
        if self._at is None or self.count < self._at:
            return False
        if self._fault in (CRASH, POWER):
            self._dead = True
            if kind == "write":
                return True
            raise Crash
        if self._fault == EIO and self.count == self._at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self._fault == ENOSPC and kind in WRITING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._fault == SHORT and kind == "write" and self.count == self._at

    def _inside(self, path: Any, dir_fd: int | None = None) -> Path | None:
        """The absolute path, or None where it is not below the root."""
        if isinstance(path, int):
            return self._paths.get(path)
        if dir_fd is not None:
            parent = self._paths.get(dir_fd)
            return None if parent is None else parent / path
        full = Path(os.path.abspath(path))
        return full if full.is_relative_to(self.root) else None

    def wrote(self, path: Path, size_before: int) -> None:
        self._flushed.setdefault(path, size_before)

    def synced(self, path: Path) -> None:
        self._flushed.pop(path, None)
        self._fresh = {name for name in self._fresh if name.parent != path or not path.is_dir()}

    def moved(self, source: Path, target: Path, replaced: bool) -> None:
        def new(path: Path) -> Path:
            return target / path.relative_to(source) if path.is_relative_to(source) else path

        self._flushed = {new(path): size for path, size in self._flushed.items()}
        self._fresh = {new(path) for path in self._fresh if path != source}
        if not replaced:
            self._fresh.add(target)

    def forgotten(self, path: Path) -> None:
        self._flushed.pop(path, None)
        self._fresh.discard(path)

    # What stands in for the system's functions.

    def install(self, patch: pytest.MonkeyPatch) -> None:
        real: dict[str, Callable[..., Any]] = {
            name: getattr(os, name)
            for name in ("open", "close", "write", "fsync", "ftruncate", "mkdir", "rename", "unlink", "rmdir")
        }
        open_file = io.open

        def open_(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            place = self._inside(path, dir_fd)
            new = place is not None and bool(flags & os.O_CREAT) and not place.exists()
            if new:
                self._step("open")
            descriptor: int = real["open"](path, flags, mode, dir_fd=dir_fd)
            if place is not None:
                self._paths[descriptor] = place
                if new:
                    self._fresh.add(place)
            return descriptor

        def close(descriptor: int) -> None:
            self._paths.pop(descriptor, None)
            real["close"](descriptor)

        def write(descriptor: int, data: bytes) -> int:
            place = self._paths.get(descriptor)
            if place is None:
                return int(real["write"](descriptor, data))
            half = self._step("write")
            self.wrote(place, os.fstat(descriptor).st_size)
            written = int(real["write"](descriptor, data[: len(data) // 2] if half else data))
            if self._dead:
                raise Crash
            return written

        def fsync(descriptor: int) -> None:
            if (place := self._paths.get(descriptor)) is not None:
                self._step("fsync")
                self.synced(place)

        def ftruncate(descriptor: int, length: int) -> None:
            if self._paths.get(descriptor) is not None:
                self._step("truncate")
            real["ftruncate"](descriptor, length)

        def mkdir(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            place = self._inside(path, dir_fd)
            if place is not None and place.parent.is_dir() and not place.exists():
                self._step("mkdir")
                self._fresh.add(place)
            real["mkdir"](path, mode, dir_fd=dir_fd)

        def rename(source: Any, target: Any, **options: Any) -> None:
            here, there = self._inside(source), self._inside(target)
            if here is None or there is None:
                return real["rename"](source, target, **options)
            self._step("rename")
            replaced = there.exists()
            real["rename"](source, target, **options)
            self.moved(here, there, replaced)

        def unlink(path: Any, *, dir_fd: int | None = None) -> None:
            place = self._inside(path, dir_fd)
            if place is not None and place.exists():
                self._step("unlink")
                self.forgotten(place)
            real["unlink"](path, dir_fd=dir_fd)

        def rmdir(path: Any, *, dir_fd: int | None = None) -> None:
            place = self._inside(path, dir_fd)
            if place is not None and place.exists():
                self._step("rmdir")
                self.forgotten(place)
            real["rmdir"](path, dir_fd=dir_fd)

        def open_as_file(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            place = None if isinstance(path, int) else self._inside(path)
            if place is None or "b" not in mode or not set(mode) & set("wax+"):
                return open_file(path, mode, *arguments, **options)
            self._step("open")
            if not place.exists():
                self._fresh.add(place)
            raw = open_file(path, mode, buffering=0)
            self._paths[raw.fileno()] = place
            return _File(self, raw, place)

        for function in (close, write, fsync, ftruncate, mkdir, rename, unlink, rmdir):
            patch.setattr(os, function.__name__, function)
        patch.setattr(os, "open", open_)
        patch.setattr(os, "replace", rename)
        patch.setattr(io, "open", open_as_file)


class _File:
    """A file opened for writing bytes: each write reaches the system at once."""

    def __init__(self, disk: FaultyDisk, raw: Any, path: Path) -> None:
        self._disk, self._raw, self._path = disk, raw, path

    def write(self, data: bytes) -> int:
        half = self._disk._step("write")
        self._disk.wrote(self._path, self._raw.tell())
        written = int(self._raw.write(data[: len(data) // 2] if half else data))
        if self._disk._dead:
            raise Crash
        if half:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def close(self) -> None:
        if not self._raw.closed:
            self._disk._paths.pop(self._raw.fileno(), None)
            self._raw.close()

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@contextmanager
def faulty_disk(root: Path) -> Iterator[FaultyDisk]:
    """`root` on a faulty disk. No fault is armed yet."""
    disk = FaultyDisk(root)
    with pytest.MonkeyPatch.context() as patch:
        disk.install(patch)
        yield disk
        disk.rest()
