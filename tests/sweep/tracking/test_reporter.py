"""Trackers in the background: one that fails, or hangs, costs a run nothing."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from sweep.errors import UsageError
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.tracking import registry, reporter
from sweep.tracking.record import Record, records
from sweep.tracking.registry import TrackerEntry, parse_trackers
from tests.sweep.conftest import essence
from tests.sweep.curves import trains
from tests.sweep.tracking.sessions import session

held = Event()
seen: list[Record] = []


class Keeping:
    """A tracker that keeps what it is told."""

    def __init__(self, folder: Path, run: str, *, live: bool) -> None:
        seen.clear()

    def update(self, record: Record) -> None:
        seen.append(record)

    def close(self) -> None:
        pass


class Failing(Keeping):
    """A tracker whose server is gone after the second record."""

    def update(self, record: Record) -> None:
        super().update(record)
        if len(seen) > 2:
            raise ConnectionError("nobody answers\nand more")


class Hanging(Keeping):
    """A tracker whose server never answers."""

    def update(self, record: Record) -> None:
        held.wait()


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Keeping", "Failing", "Hanging"):
        monkeypatch.setitem(registry.TRACKERS, name, TrackerEntry(__name__, name, "sweep", name, name))


@pytest.fixture
def run(micro: Path, out: Path) -> RunFolder:
    return prepare(RunRequest(space=str(micro), out=out)).open_or_create()


def test_records_grow_to_those_of_the_ledger(run: RunFolder) -> None:
    session(run, trains(), "Keeping")
    last = {record.point_id: record for record in seen}
    assert list(last.values()) == [last[record.point_id] for record in records(run, load_state(run))]
    assert {record.point_id: record for record in records(run, load_state(run))} == last
    (first, *_) = last.values()
    row = next(row for row in load_rows(run) if row["point_id"] == first.point_id)
    assert first.epochs[2]["chrf"] == row["chrf"]
    assert first.epochs[2]["dev_loss"] == row["dev_loss"]
    assert (first.group, first.name) == ("lora.rank=1 lora.dropout=0", "lora.rank=1 lora.dropout=0 seed 0")


def test_points_of_earlier_runs_are_logged_too(
    sweep: Callable[..., Any], finished: Path, micro: Path, out: Path
) -> None:
    again = sweep(
        "run", micro, "--set", "lora.rank=1,2,3", "--executor", "inline", "--name", "more", "--log", "Keeping"
    )
    assert again.exit_code == 0, again.output
    assert [record.status for record in seen].count(Status.CACHED) == 4
    row = next(row for row in load_rows(RunFolder(out / "more")) if row["status"] == Status.CACHED)
    (record,) = (one for one in seen if one.point_id == row["point_id"])
    assert record.epochs[2].items() >= {"chrf": row["chrf"], "dev_loss": row["dev_loss"]}.items()


def test_a_tracker_that_fails_is_named_once(run: RunFolder, micro: Path, out: Path) -> None:
    notes = session(run, trains(), "Failing", "Keeping")
    assert notes == [
        "Failing failed and is switched off: nobody answers. The run continues; when it has ended, `sweep "
        "export micro --format Failing --to DIR` logs all of it"
    ]
    plain = prepare(RunRequest(space=str(micro), out=out, name="plain")).open_or_create()
    session(plain, trains())
    assert [{**row, "run": ""} for row in essence(run.path)] == [{**row, "run": ""} for row in essence(plain.path)]


def test_a_tracker_that_hangs_does_not_hold_up_the_run(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "PATIENCE", 0.3)
    held.clear()
    began = time.monotonic()
    (note,) = session(run, trains(), "Hanging")
    held.set()
    assert time.monotonic() - began < 10
    assert note.startswith("Hanging failed and is switched off: no progress for 0 s")
    assert {row["status"] for row in load_rows(run)} == {Status.COMPLETED}


def test_unknown_and_missing_trackers_are_refused(sweep: Callable[..., Any], micro: Path, out: Path) -> None:
    assert parse_trackers("Keeping, Failing,Keeping") == ("Keeping", "Failing")
    with pytest.raises(UsageError, match="unknown name 'tensorbord': did you mean 'tensorboard'"):
        parse_trackers(["tensorbord"])
    registry.TRACKERS["Keeping"] = TrackerEntry(__name__, "Keeping", "no_such_package", "keeping", "")
    with pytest.raises(UsageError, match=r"needs the package no_such_package: pip install 'explora-sweep\[keeping\]'"):
        parse_trackers("Keeping")
    refused = sweep("run", micro, "--log", "nothing")
    assert (refused.exit_code, "unknown name 'nothing'" in refused.output, out.exists()) == (2, True, False)
