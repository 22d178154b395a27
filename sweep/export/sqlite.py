"""Optuna's storage in an SQLite file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna

from sweep.errors import UsageError


@contextmanager
def storage(path: Path, *, new: bool = False) -> Iterator[optuna.storages.RDBStorage]:
    """Yield the storage in the file `path`, made if it is `new`. Raise UsageError if it holds something else."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        opened = optuna.storages.RDBStorage(f"sqlite:///{path}", skip_table_creation=not new)
    except (optuna.exceptions.StorageInternalError, RuntimeError) as error:  # the latter: of another version
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UsageError(f"{path} is not a storage that Optuna {optuna.__version__} can read: {reason}") from error
    try:
        yield opened
    finally:
        opened.remove_session()
        opened.engine.dispose()
