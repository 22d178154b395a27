"""MLflow runs, read back by MLflow, equal the ledger."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow import MlflowClient

from sweep.export.write import export_run
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.tracking.mlflow import MLflow, address
from sweep.tracking.record import records
from tests.sweep.curves import Killed, trains
from tests.sweep.tracking.sessions import session

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")  # mlflow uses it
Shown = dict[str, dict[str, list[tuple[int, float]]]]
STATUSES = {"COMPLETED": "FINISHED", "STOPPED": "KILLED"}


def shown(folder: Path, run: RunFolder) -> Shown:
    """The metrics of each point: all of its steps."""
    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name(run.name)
    return {
        one.data.tags["point_id"]: {
            name: sorted((step.step, step.value) for step in client.get_metric_history(one.info.run_id, name))
            for name in one.data.metrics
        }
        for one in client.search_runs([experiment.experiment_id])
    }


def expected(run: RunFolder) -> Shown:
    """The same from the ledger: each step once."""
    found: Shown = {}
    for record in records(run, load_state(run)):
        names = dict.fromkeys(name for values in record.epochs.values() for name in values)
        found[record.point_id] = {
            name: [(epoch, values[name]) for epoch, values in record.epochs.items() if name in values] for name in names
        }
    return found


def test_a_killed_run_has_no_doubled_steps(stopped: RunFolder) -> None:
    with pytest.raises(Killed):
        session(stopped, trains(last_word=12), "mlflow")
    assert session(stopped, trains(), "mlflow") == []
    assert shown(stopped.path / "mlflow", stopped) == expected(stopped)


def test_an_export_equals_the_ledger(stopped: RunFolder, tmp_path: Path) -> None:
    session(stopped, trains())
    assert export_run(stopped, tmp_path / "store", "mlflow") == "16 points for mlflow"
    assert shown(tmp_path / "store", stopped) == expected(stopped)
    known = {record.point_id: record for record in records(stopped, load_state(stopped))}
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/store/mlflow.db")
    (experiment,) = (one for one in client.search_experiments() if one.name == stopped.name)
    for one in client.search_runs([experiment.experiment_id]):
        record = known[one.data.tags["point_id"]]
        assert one.info.run_name == record.name
        assert one.info.status == STATUSES[record.status]
        assert one.data.tags["group"] == record.group
        assert one.data.params == {key: str(value) for key, value in record.settings.items()}


def test_two_trackers_that_start_at_once_share_one_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda name: MLflow(tmp_path, name), ("first", "second")))
    assert [tracker.client.get_experiment(tracker.experiment).name for tracker in made] == ["first", "second"]
    held = MlflowClient(tracking_uri=address(tmp_path / "mlflow.db")).search_experiments()
    assert {one.name for one in held} == {"Default", "first", "second"}


def test_an_experiment_that_another_creates_in_the_meantime_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = MLflow(tmp_path, "micro")
    find, answers = MlflowClient.get_experiment_by_name, iter([lambda *_: None])
    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", lambda *given: next(answers, find)(*given))
    assert MLflow(tmp_path, "micro").experiment == first.experiment


def test_an_unreachable_server_costs_nothing(stopped: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free.getsockname()[1]}")  # it refuses
        (note,) = session(stopped, trains(), "mlflow")
    assert note.startswith("mlflow failed and is switched off: API request to http://127.0.0.1")
    assert {row["status"] for row in load_rows(stopped)} == {Status.COMPLETED, Status.STOPPED}
