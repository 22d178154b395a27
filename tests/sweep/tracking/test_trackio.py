"""Trackio's SQLite file, read back by Trackio, equals the ledger."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.errors import UsageError
from sweep.export.write import export_run
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.tracking.record import Record, records
from sweep.tracking.trackio import Trackio, storage_in
from tests.sweep.curves import Killed, trains
from tests.sweep.tracking.sessions import session

Shown = dict[str, dict[str, list[tuple[int, float]]]]
NO_NETWORK = """
import os, sys
from pathlib import Path

def forbid(event, arguments):
    is_server = event == "subprocess.Popen" and "ldconfig" not in str(arguments[0])  # of ctypes
    if is_server or event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
        os.write(2, f"{event} {arguments}".encode())
        os._exit(9)

sys.addaudithook(forbid)
from sweep.store.status import Status
from sweep.tracking.record import Record
from sweep.tracking.registry import make_tracker

record = Record(point_id="a", trial_id="b", group="c", seed=0, status=Status.FAILED, reason="d", settings={"lr": 0.1},
                epochs={1: {"dev_loss": 2.0}})
tracker = make_tracker("trackio", Path(sys.argv[1]), "mine", live=True)
tracker.update(record)
tracker.close()
"""


def shown(folder: Path, run: RunFolder) -> Shown:
    """The metrics of each point: all of its steps."""
    storage = storage_in(folder)
    found: Shown = {}
    for one in storage.get_run_records(run.name):
        steps: dict[str, list[tuple[int, float]]] = {}
        for row in storage.get_logs(run.name, one["name"], run_id=one["id"]):
            for name, value in row.items():
                if name not in ("step", "timestamp"):
                    steps.setdefault(name, []).append((row["step"], value))
        assert one["id"] not in found
        found[one["id"]] = {name: sorted(values) for name, values in steps.items()}
    return found


def expected(run: RunFolder) -> Shown:
    """The same from the ledger: each step once."""
    found: Shown = {}
    for record in records(run, load_state(run)):
        names = dict.fromkeys(name for values in record.epochs.values() for name in values)
        found[record.point_id] = {
            name: [(epoch, values[name]) for epoch, values in record.epochs.items() if name in values] for name in names
        }
    return found


def test_a_run_equals_the_ledger(stopped: RunFolder) -> None:
    assert session(stopped, trains(), "trackio") == []
    assert shown(stopped.path / "trackio", stopped) == expected(stopped)


def test_a_killed_run_has_no_doubled_steps(stopped: RunFolder) -> None:
    with pytest.raises(Killed):
        session(stopped, trains(last_word=12), "trackio")
    assert session(stopped, trains(), "trackio") == []
    assert shown(stopped.path / "trackio", stopped) == expected(stopped)


def test_an_export_equals_the_ledger(stopped: RunFolder, tmp_path: Path) -> None:
    session(stopped, trains())
    assert export_run(stopped, tmp_path / "store", "trackio") == "16 points for trackio"
    assert shown(tmp_path / "store", stopped) == expected(stopped)
    storage = storage_in(tmp_path / "store")
    for record in records(stopped, load_state(stopped)):
        config = storage.get_run_config(stopped.name, record.name, run_id=record.point_id)
        assert config.items() >= record.settings.items()
        assert (config["status"], config["_Group"]) == (record.status, record.group)
        assert (config["trial_id"], config["seed"]) == (record.trial_id, record.seed)
    names = {one["id"]: one["name"] for one in storage.get_run_records(stopped.name)}
    assert names == {record.point_id: record.name for record in records(stopped, load_state(stopped))}


def test_a_failure_is_an_alert(tmp_path: Path) -> None:
    """Also one before the first epoch, and once."""
    failed = Record(
        point_id="p",
        trial_id="t",
        group="lora.rank=2",
        seed=0,
        status=Status.FAILED,
        reason="out of memory",
        settings={"lora.rank": 2},
        epochs={},
    )
    for _ in range(2):  # two sessions
        Trackio(tmp_path, "mine").update(failed)
    storage = storage_in(tmp_path)
    (alert,) = storage.get_alerts("mine")
    assert (alert["run"], alert["title"], alert["text"], alert["level"]) == (
        "lora.rank=2 seed 0",
        "FAILED",
        "out of memory",
        "error",
    )
    assert [one["id"] for one in storage.get_run_records("mine")] == ["p"]


def test_the_users_folder_is_used_while_a_run_is_live(
    stopped: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "all runs"))
    assert session(stopped, trains(), "trackio") == []
    assert shown(tmp_path / "all runs", stopped) == expected(stopped)
    assert not (stopped.path / "trackio").exists()


def test_an_unusable_folder_costs_nothing(stopped: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "file"))
    (note,) = session(stopped, trains(), "trackio")
    assert note.startswith("trackio failed and is switched off: ")
    assert {row["status"] for row in load_rows(stopped)} == {Status.COMPLETED, Status.STOPPED}


def test_a_name_that_trackio_reserves_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"trackio: it cannot hold a run of the name 'my_configs': .*reserved"):
        Trackio(tmp_path, "my_configs")


def test_nothing_is_sent_and_no_server_starts(tmp_path: Path) -> None:
    named = {
        **os.environ,
        "TRACKIO_SERVER_URL": "http://127.0.0.1:1",
        "TRACKIO_BUCKET_ID": "me/mine",
        "HF_HUB_OFFLINE": "0",
    }
    command = [sys.executable, "-W", "error", "-c", NO_NETWORK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=named)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert [row["dev_loss"] for row in storage_in(tmp_path).get_logs("mine", "c seed 0", run_id="a")] == [2.0]
