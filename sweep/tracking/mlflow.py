"""MLflow: one MLflow run for each point, in an experiment named after the sweep run."""

import fcntl
import logging
import os
import time
from pathlib import Path
from uuid import uuid4

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # by default, minutes pass until an error
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from sweep.store.status import Status
from sweep.tracking.record import Record

MOST_METRICS = 1000  # per request
STATUSES = {
    Status.RUNNING: "RUNNING",
    Status.INTERRUPTED: "SCHEDULED",  # until it is resumed
    Status.STOPPED: "KILLED",
    Status.DIVERGED: "FAILED",
    Status.FAILED: "FAILED",
}  # the others: FINISHED


class MLflow:
    """Logs to the server at MLFLOW_TRACKING_URI if that is set and the run is `live`, else to an SQLite file."""

    def __init__(self, folder: Path, run: str, *, live: bool = False) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        server = os.environ.get("MLFLOW_TRACKING_URI") if live else None
        self.client = MlflowClient(tracking_uri=server or address(database_in(folder)))
        place = None if server else (folder.absolute() / "artifacts").as_uri()
        self.experiment = experiment_id(self.client, run, place)
        self._runs: dict[str, str] = {}  # their ids, by point_id
        self._logged: dict[str, set[tuple[str, int]]] = {}  # names and steps of metrics, by point_id

    def update(self, record: Record) -> None:
        if record.point_id not in self._runs:
            self._begin(record)
        run_id, logged = self._runs[record.point_id], self._logged[record.point_id]
        now = int(time.time() * 1000)
        metrics = [
            Metric(name, value, now, epoch)
            for epoch, values in record.epochs.items()
            for name, value in values.items()
            if (name, epoch) not in logged
        ]
        tags = [RunTag("status", record.status), *([RunTag("reason", record.reason)] if record.reason else [])]
        for start in range(0, len(metrics), MOST_METRICS):
            part = metrics[start : start + MOST_METRICS]
            self.client.log_batch(run_id, metrics=part)
            logged |= {(one.key, one.step) for one in part}
        self.client.log_batch(run_id, tags=tags)
        status = STATUSES.get(record.status, "FINISHED")
        if record.has_ended:
            self.client.set_terminated(run_id, status)
        else:
            self.client.update_run(run_id, status=status)

    def close(self) -> None:
        """Do nothing: everything is written already."""

    def _begin(self, record: Record) -> None:
        """Find a point's MLflow run and the metrics it has, or create the run."""
        found = self.client.search_runs([self.experiment], f"tags.point_id = '{record.point_id}'")
        tags = {"point_id": record.point_id, "trial_id": record.trial_id, "group": record.group}
        run = found[0] if found else self.client.create_run(self.experiment, tags=tags, run_name=record.name)
        run_id = run.info.run_id
        names = dict.fromkeys(name for values in record.epochs.values() for name in values)
        histories = {name: self.client.get_metric_history(run_id, name) for name in names} if found else {}
        self._runs[record.point_id] = run_id
        self._logged[record.point_id] = {(name, one.step) for name, held in histories.items() for one in held}
        self.client.log_batch(run_id, params=[Param(key, str(value)) for key, value in record.settings.items()])


def experiment_id(client: MlflowClient, name: str, place: str | None) -> str:
    """Return the id of the experiment `name`; create it, with its artifacts in `place`, if there is none."""
    if (found := client.get_experiment_by_name(name)) is None:
        try:
            return str(client.create_experiment(name, place))
        except MlflowException:
            if (found := client.get_experiment_by_name(name)) is None:  # else it was created in the meantime
                raise
    return str(found.experiment_id)


def address(database: Path) -> str:
    return f"sqlite:///{database.absolute()}"


def database_in(folder: Path) -> Path:
    """Return the path of the SQLite file in `folder`; create the file if there is none.

    A lock lets only one process, or thread, create it at a time. Otherwise the slower one's file would replace the
    faster one's, and what was already logged there would be lost.
    """
    database = folder / "mlflow.db"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed or the process ends
        if not database.exists():
            create(database)
    return database


def create(database: Path) -> None:
    """Create MLflow's SQLite file with all of its tables. The caller holds the lock.

    MLflow creates its tables in many transactions, and cannot open a file that has only some of them. So the file has
    a temporary name until it has all tables. A killed process may leave such a draft, but no incomplete `database`.
    """
    for unfinished in database.parent.glob("unfinished-*"):  # drafts of killed processes, with their journals
        unfinished.unlink()
    draft = database.with_name(f"unfinished-{uuid4().hex}.db")  # a fixed name would make MLflow reuse a connection
    MlflowClient(tracking_uri=address(draft)).search_experiments()
    draft.replace(database)
