"""What a warm process keeps between trainings: base weights and tokenized data.

Loading them takes longer than a short training. Entries are keyed by the files' modification time, so a base or a
data file that was changed on disk is read again.
"""

import functools
from pathlib import Path

from model.pretrained.bases import Base, load_base
from model.pretrained.files import WEIGHTS, find_base
from model.tasks import Task, find_data, load_task


def cached_base(name: str, revision: str | None) -> Base:
    """`load_base`, once per process."""
    files = find_base(name, revision)
    return _base(name, files.revision, _stamp(files.folder / WEIGHTS))  # the key by which `_task` asks for it too


def cached_task(name: str, data: str | None, base: Base) -> Task:
    """`load_task` for the tokenizer of `base`, once per process."""
    stamps = tuple((file, _stamp(file)) for file in find_data(name, data).files.values())
    return _task(name, data, stamps, base.files.name, base.files.revision, _stamp(base.files.folder / WEIGHTS))


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


@functools.lru_cache(maxsize=2)
def _base(name: str, revision: str | None, stamp: int) -> Base:
    return load_base(name, revision)


@functools.lru_cache(maxsize=4)
def _task(
    name: str, data: str | None, stamps: tuple[tuple[Path, int], ...], base: str, revision: str | None, base_stamp: int
) -> Task:
    loaded = _base(base, revision, base_stamp)
    return load_task(name, data, loaded.tokenizer, loaded.config.n_positions)
