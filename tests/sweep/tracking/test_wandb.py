"""Offline runs of Weights & Biases, read back from their files, equal the ledger."""

import json
import socket
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from wandb.proto.wandb_internal_pb2 import Record as Message

from sweep.export.write import export_run
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.tracking import reporter
from sweep.tracking.record import records
from tests.sweep.curves import Killed, trains
from tests.sweep.tracking.sessions import session

BLOCK, HEADER, FULL, LAST = 32768, 7, 1, 4  # of LevelDB's log format, which these files have after 7 bytes


def messages(file: Path) -> list[Message]:
    """What a file of wandb says."""
    data, place, part, found = file.read_bytes(), 7, b"", []
    while place + HEADER <= len(data):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        part += data[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if kind in (FULL, LAST):
            found.append(Message.FromString(part))
            part = b""
    return found


def shown(folder: Path) -> dict[str, list[tuple[int, dict[str, float]]]]:
    """The history of each point: all of its steps."""
    found: dict[str, list[tuple[int, dict[str, float]]]] = {}
    for file in folder.glob("wandb/offline-run-*/run-*.wandb"):
        steps: list[tuple[int, dict[str, float]]] = []
        for message in messages(file):
            if message.WhichOneof("record_type") == "history":
                items = message.history.item
                values = {one.key or ".".join(one.nested_key): json.loads(one.value_json) for one in items}
                numbers = {name: value for name, value in values.items() if not name.startswith("_")}
                steps.append((message.history.step.num or values["_step"], numbers))
        assert file.stem.removeprefix("run-") not in found
        found[file.stem.removeprefix("run-")] = steps
    return found


def shown_at_last(folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """What is `shown` once it is `wanted`, or after 30 s: a process of wandb writes the files, and may lag behind."""
    until = time.monotonic() + 30
    while (found := shown(folder)) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    return found


def expected(run: RunFolder) -> dict[str, list[tuple[int, Any]]]:
    """The same from the ledger: each step once."""
    return {record.point_id: list(record.epochs.items()) for record in records(run, load_state(run))}


def test_a_killed_run_has_no_doubled_steps(stopped: RunFolder) -> None:
    with pytest.raises(Killed):
        session(stopped, trains(last_word=12), "wandb")
    assert session(stopped, trains(), "wandb") == []
    wanted = expected(stopped)
    assert shown_at_last(stopped.path / "wandb", wanted) == wanted


def test_an_export_equals_the_ledger(stopped: RunFolder, tmp_path: Path) -> None:
    session(stopped, trains())
    assert export_run(stopped, tmp_path / "runs", "wandb") == "16 points for wandb"
    wanted = expected(stopped)
    assert shown_at_last(tmp_path / "runs", wanted) == wanted
    known = {record.point_id: record for record in records(stopped, load_state(stopped))}
    for file in (tmp_path / "runs").glob("wandb/offline-run-*/run-*.wandb"):
        run = next(one.run for one in messages(file) if one.WhichOneof("record_type") == "run")
        record = known[run.run_id]
        assert (run.project, run.display_name, run.run_group) == (stopped.name, record.name, record.group)
        config = {one.key: json.loads(one.value_json) for one in run.config.update}
        assert config["lora.rank"] == record.settings["lora.rank"]


def test_an_unreachable_server_costs_nothing(stopped: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "PATIENCE", 1.0)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}")  # it refuses
        (note,) = session(stopped, trains(), "wandb")
    assert note.startswith("wandb failed and is switched off: ")
    assert {row["status"] for row in load_rows(stopped)} == {Status.COMPLETED, Status.STOPPED}
