"""The folder of a run: its name, its lock and its files.

results/<run>/  space.py  run.json  ledger.jsonl  leaderboard.parquet  samples.parquet  checkpoints/  logs/
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from model.durable import flush_folder, write_through
from model.errors import SettingError
from sweep.errors import RunError
from sweep.store.locks import LockError, try_lock
from sweep.store.run_spec import SCHEMA_VERSION, RunSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
STAGED = re.compile(r"\..+\.\d+")  # a file or folder being written: its name and the process id
RUN_FILE = "run.json"  # every run has it; a folder without it is not a run
FREE_BYTES = 64 * 2**20  # the least free disk space that a run starts with


@dataclass(frozen=True)
class RunFolder:
    """A run on disk."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def leaderboard(self) -> Path:
        return self.path / "leaderboard.parquet"

    @property
    def samples(self) -> Path:
        return self.path / "samples.parquet"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def checkpoints(self, trial_id: str) -> Path:
        return self.path / "checkpoints" / trial_id

    def command(self, name: str) -> str:
        """Return the shell command that applies the subcommand `name` (resume, report) to this run."""
        out = self.path.parent
        words = ["sweep", name, self.name] + ([] if out == Path("results") else ["--out", str(out)])
        return shlex.join(words)

    @cached_property
    def spec(self) -> RunSpec:
        """Return the content of `run.json`. Raise RunError if it is damaged or of a newer version of this tool."""
        path = self.path / RUN_FILE
        try:
            raw = json.loads(path.read_bytes())
            if raw["schema_version"] > SCHEMA_VERSION:
                raise RunError(f"{path} was written by a newer version of this tool: update explora-sweep")
            if raw.pop("crc", None) not in (None, checksum(raw)):  # early versions wrote no checksum
                raise ValueError("its checksum does not match")
            return RunSpec.from_dict(raw)
        except RunError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as error:
            raise RunError(f"{path} is damaged ({type(error).__name__}: {error}); restore it from a copy") from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock that makes this process the run's only writer. Raise RunError if another process holds it.

        The operating system releases the lock when the process ends, however it ends.
        """
        try:
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(f"cannot write to {self.path}: {error.strerror}") from error
        try:
            try:
                is_free = try_lock(descriptor, self.path / ".lock")
            except LockError as error:
                raise RunError(str(error)) from error
            if not is_free:
                raise RunError(
                    f"run {self.name!r} is in use by another process; watch it with `sweep status {self.name}`"
                )
            if not _is_file(descriptor, self.path / ".lock"):
                raise RunError(f"run {self.name!r} was just deleted or renamed by another process")
            self._clear()
            yield
        finally:
            os.close(descriptor)

    def _clear(self) -> None:
        """Remove the temporary files that a killed process left."""
        for left in self.path.iterdir():
            if STAGED.fullmatch(left.name):
                with contextlib.suppress(OSError):
                    left.unlink()


def _is_file(descriptor: int, path: Path) -> bool:
    """Return whether the open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def existing(path: Path) -> Path:
    """Return `path` if it exists, else its nearest parent folder that does."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def check_name(name: str) -> str:
    """Return `name`. Raise RunError if it is not a plain file name."""
    if not NAME.fullmatch(name):
        raise RunError(
            f"run name {name!r}: use 1 to 64 letters, digits, dots, dashes and underscores, "
            "starting with a letter or digit"
        )
    return name


def open_run(out: Path, name: str) -> RunFolder:
    """Return the run `name` under `out`. Raise RunError, listing the known runs, if there is none."""
    check_name(name)
    if not (out / name / RUN_FILE).is_file():
        known = [run.name for run in list_runs(out)]
        raise RunError(
            f"no run {name!r} in {out}: " + (f"known: {', '.join(known)}" if known else "it has no runs yet")
        )
    return RunFolder(out / name)


def list_runs(out: Path) -> list[RunFolder]:
    """Return every run under `out`, oldest first."""
    if not out.is_dir():
        return []
    files = [file for file in out.glob(f"*/{RUN_FILE}") if NAME.fullmatch(file.parent.name)]  # others are unfinished
    return [RunFolder(file.parent) for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, file))]


def create_run(out: Path, name: str, spec: RunSpec, source: str) -> RunFolder:
    """Create the folder of a run, completely or not at all. Raise RunError if that fails."""
    path = out / check_name(name)
    staged = out / f".{name}.{os.getpid()}"
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        if staged.exists():  # left by a killed process with the same id
            shutil.rmtree(staged)
        staged.mkdir(parents=True)
        if (free := shutil.disk_usage(staged).free) < FREE_BYTES:
            raise OSError(f"only {free // 2**20} MiB of disk space is free")
        write_file(staged / "space.py", source.encode())
        content = spec.as_dict()
        write_file(staged / RUN_FILE, json.dumps({**content, "crc": checksum(content)}, indent=1).encode())
        staged.rename(path)  # fails if a folder with content is there
        for folder in (path, *made):
            flush_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # fails unless empty: another run may have started in it
        if (path / RUN_FILE).is_file():
            raise RunError(
                f"run {name!r} was just started by another process; watch it with `sweep status {name}`"
            ) from error
        if path.exists():
            raise RunError(f"{path} exists but is not a run of this tool; choose another --name") from error
        reason = error.strerror or str(error)
        raise RunError(f"cannot write to {path}: {reason}; choose another folder with --out") from error
    return RunFolder(path)


def checksum(content: dict[str, Any]) -> str:
    """Return the CRC-32 of a JSON object; it does not depend on whitespace or the order of keys."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def write_file(path: Path, data: bytes) -> None:
    """Replace `path` completely or not at all: write a file beside it, flush it, rename it, and flush the folder."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_through(staged, data)
        staged.replace(path)
        flush_folder(path.parent)
    finally:
        staged.unlink(missing_ok=True)
