"""Base weights and tokenized data that a process keeps between trainings: loading takes longer than a short training.

Entries are keyed by the modification time of their files, so that a base or a data file that changed is read again.
"""

import functools
from pathlib import Path

from model.pretrained.bases import Base, load_base
from model.pretrained.files import WEIGHTS, find_base
from model.pretrained.tokenizer import Tokenizer
from model.tasks import Task, find_data, load_task


def cached_base(name: str, revision: str | None) -> Base:
    """Return `load_base` of the arguments, loaded once per process. Raise BaseError."""
    files = find_base(name, revision)
    return _base(name, files.revision, _stamp(files.folder / WEIGHTS))


def cached_task(name: str, data: str | None, base: Base) -> Task:
    """Return `load_task` for the tokenizer of `base`, loaded once per process. Raise DataError."""
    stamps = tuple((file, _stamp(file)) for file in find_data(name, data).files.values())
    return _task(name, data, stamps, base.tokenizer, base.config.n_positions)


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


@functools.lru_cache(maxsize=2)
def _base(name: str, revision: str | None, stamp: int) -> Base:
    return load_base(name, revision)


@functools.lru_cache(maxsize=4)
def _task(
    name: str, data: str | None, stamps: tuple[tuple[Path, int], ...], tokenizer: Tokenizer, max_tokens: int
) -> Task:
    return load_task(name, data, tokenizer, max_tokens)
