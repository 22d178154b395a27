"""The folder of one run: its name, its lock, its files.

results/<run>/  space.py  run.json  ledger.jsonl  leaderboard.parquet  samples.parquet  checkpoints/  logs/
"""

import contextlib
import fcntl
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
from sweep.store.run_spec import SCHEMA_VERSION, RunSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
STAGED = re.compile(r"\..+\.\d+")  # what `write_file` writes to: the file's name and the process's number
RUN_FILE = "run.json"  # a folder without it is no run
FREE_BYTES = 64 * 2**20  # a run is not started with less room on the disk


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
        """Return what to type to do `name` (resume, report) with this run, quoted for a shell."""
        out = self.path.parent
        words = ["sweep", name, self.name] + ([] if out == Path("results") else ["--out", str(out)])
        return shlex.join(words)

    @cached_property
    def spec(self) -> RunSpec:
        """What `run.json` says. Raises RunError where it is damaged or of a newer version of this tool."""
        path = self.path / RUN_FILE
        try:
            raw = json.loads(path.read_bytes())
            if raw["schema_version"] > SCHEMA_VERSION:
                raise RunError(f"{path} was written by a newer version of this tool: update explora-sweep")
            if raw.pop("crc", None) not in (None, _crc(raw)):  # early versions wrote none
                raise ValueError("it is not what was written")
            return RunSpec.from_dict(raw)
        except RunError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as error:
            raise RunError(f"{path} is damaged ({type(error).__name__}: {error}); restore it from a copy") from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the run's only writer. Raises RunError while another process is. The system frees it with the process."""
        try:
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(f"cannot write to {self.path}: {error.strerror}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(
                    f"run {self.name!r} is being worked on by another process; watch it with `sweep status {self.name}`"
                ) from error
            self._clear()
            yield
        finally:
            os.close(descriptor)

    def _clear(self) -> None:
        """Remove what a killed process has staged and not renamed."""
        for left in self.path.iterdir():
            if STAGED.fullmatch(left.name):
                with contextlib.suppress(OSError):
                    left.unlink()


def existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that is there."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def check_name(name: str) -> str:
    """`name`, or RunError where it could leave the out folder or be no file name."""
    if not NAME.fullmatch(name):
        raise RunError(
            f"run name {name!r}: use 1 to 64 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or digit"
        )
    return name


def open_run(out: Path, name: str) -> RunFolder:
    """The run `name` under `out`. Raises RunError, naming the nearest run, where there is none."""
    check_name(name)
    if not (out / name / RUN_FILE).is_file():
        known = [run.name for run in list_runs(out)]
        raise RunError(
            f"no run {name!r} in {out}: " + (f"known: {', '.join(known)}" if known else "it has no runs yet")
        )
    return RunFolder(out / name)


def list_runs(out: Path) -> list[RunFolder]:
    """Every run under `out`, oldest first."""
    if not out.is_dir():
        return []
    marks = [mark for mark in out.glob(f"*/{RUN_FILE}") if NAME.fullmatch(mark.parent.name)]  # others are half made
    return [RunFolder(mark.parent) for mark in sorted(marks, key=lambda mark: (mark.stat().st_mtime_ns, mark))]


def create_run(out: Path, name: str, spec: RunSpec, source: str) -> RunFolder:
    """Make the run's folder, whole or not at all. Raises RunError and leaves nothing where that fails."""
    path = out / check_name(name)
    staged = out / f".{name}.{os.getpid()}"
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        if staged.exists():  # of a process of the same number that was killed
            shutil.rmtree(staged)
        staged.mkdir(parents=True)
        if (free := shutil.disk_usage(staged).free) < FREE_BYTES:
            raise OSError(f"only {free // 2**20} MiB are free")
        write_file(staged / "space.py", source.encode())
        content = spec.as_dict()
        write_file(staged / RUN_FILE, json.dumps({**content, "crc": _crc(content)}, indent=1).encode())
        staged.rename(path)  # fails where a folder with content stands there
        for folder in (path, *made):
            flush_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only where it is still empty: another run may have begun in it
        if (path / RUN_FILE).is_file():
            raise RunError(
                f"run {name!r} was begun by another process at this moment; watch it with `sweep status {name}`"
            ) from error
        if path.exists():
            raise RunError(f"{path} exists and is no run of this tool; choose another --name") from error
        reason = error.strerror or str(error)
        raise RunError(f"cannot write to {path}: {reason}; choose another folder with --out") from error
    return RunFolder(path)


def _crc(content: dict[str, Any]) -> str:
    """CRC-32 of a JSON object, however it is laid out."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def write_file(path: Path, data: bytes) -> None:
    """Replace `path` whole or not at all: written beside it, flushed, renamed, and the renaming flushed."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_through(staged, data)
        staged.replace(path)
        flush_folder(path.parent)
    finally:
        staged.unlink(missing_ok=True)
