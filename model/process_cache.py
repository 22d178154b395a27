"""Per-process cache of base weights and tokenized data. Loading them can take longer than a short training run.

Cache keys contain the modification times of the files, so that a changed base or data file is read again.
"""

import functools
from pathlib import Path

from model.data_settings import DataSettings
from model.pretrained.bases import Base, load_base
from model.pretrained.files import WEIGHTS, find_base
from model.pretrained.tokenizer import Tokenizer
from model.tasks import Task, find_data, load_task


def cached_base(name: str, revision: str | None) -> Base:
    """Return the result of `load_base`, loaded once per process. Raise BaseError if the base cannot be used."""
    files = find_base(name, revision)
    return _base(name, files.revision, _stamp(files.folder / WEIGHTS))


def cached_task(
    name: str, data: str | None, base: Base, truncate: str | None = None, settings: DataSettings | None = None
) -> Task:
    """Return the result of `load_task` for `base`, loaded once per process. Raise DataError if data are unusable."""
    stamps = tuple((file, _stamp(file)) for file in find_data(name, data, settings).files.values())
    return _task(name, data, stamps, base.tokenizer, base.config.n_positions, truncate, settings)


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


@functools.lru_cache(maxsize=2)
def _base(name: str, revision: str | None, stamp: int) -> Base:
    return load_base(name, revision)


@functools.lru_cache(maxsize=4)
def _task(
    name: str,
    data: str | None,
    stamps: tuple[tuple[Path, int], ...],
    tokenizer: Tokenizer,
    max_tokens: int,
    truncate: str | None,
    settings: DataSettings | None,
) -> Task:
    return load_task(name, data, tokenizer, max_tokens, truncate, settings)
