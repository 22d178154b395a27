"""Trackio: one Trackio run for each point, in a project of the run's name, in Trackio's own SQLite file.

Records go straight to Trackio's storage class. `trackio.init` would not do: it holds one run at a time, logs it through
a queue, prints, and knows a single folder for the whole process.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any

from sweep.errors import UsageError
from sweep.store.status import Status
from sweep.tracking.record import Record

STORAGE = "trackio.sqlite_storage"
FAILED = (Status.FAILED, Status.DIVERGED)  # they get an alert there


class Trackio:
    """Logs to the folder at TRACKIO_DIR if `live` and it is set, else to `folder`; never to a server."""

    def __init__(self, folder: Path, run: str, *, live: bool = False) -> None:
        chosen = os.environ.get("TRACKIO_DIR") if live else None
        self.storage = storage_in(Path(chosen or folder).expanduser())
        self.project = run
        self._written: dict[str, Record] = {}  # the latest record of each point
        try:
            self.storage.validate_project_name(run)
        except ValueError as error:
            raise UsageError(f"trackio: it cannot hold a run of the name {run!r}: {error}") from error

    def update(self, record: Record) -> None:
        """Log a record. Trackio ignores a row whose `log_id` it has, so repeating a record adds nothing."""
        if self._written.get(record.point_id) == record:
            return
        rows: list[tuple[int, dict[str, float]]] = [
            (epoch, {name: value}) for epoch, values in record.epochs.items() for name, value in values.items()
        ]
        if not rows and record.has_ended:
            rows = [(0, {})]  # Trackio shows no run without a row
        self.storage.bulk_log(
            self.project,
            record.name,
            [values for _, values in rows],
            steps=[epoch for epoch, _ in rows],
            log_ids=[" ".join((record.point_id, str(epoch), *values)) for epoch, values in rows],
            config={
                **record.settings,
                "status": str(record.status),
                "reason": record.reason,
                "trial_id": record.trial_id,
                "_Group": record.group,
            },
            run_id=record.point_id,
        )
        if record.status in FAILED:
            self._alert(record)
        self._written[record.point_id] = record

    def close(self) -> None:
        """Everything is written already."""

    def _alert(self, record: Record) -> None:
        self.storage.bulk_alert(
            self.project,
            record.name,
            titles=[str(record.status)],
            texts=[record.reason],
            levels=["error"],
            steps=[max(record.epochs, default=0)],
            alert_ids=[f"{record.point_id} {record.status}"],
            run_id=record.point_id,
        )


def storage_in(folder: Path) -> Any:
    """Return Trackio's storage class for `folder`, from a copy of its module.

    The module itself stays as it is: the user's own Trackio runs in this process go on writing to their folder.
    """
    spec = importlib.util.find_spec(STORAGE)
    if spec is None or spec.loader is None:
        raise UsageError(f"trackio: this version has no module {STORAGE}; install the one in constraints.txt")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.TRACKIO_DIR = folder
    module.SQLiteStorage._dataset_import_attempted = True  # nor does it fetch the user's data from a hub first
    return module.SQLiteStorage
