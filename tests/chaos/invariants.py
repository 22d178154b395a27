"""Invariants of a run after any fault, and of a finished run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from model.checkpoint import newest_checkpoint, read_checkpoint
from sweep.execution.ray_backend.private_folder import PREFIX, TEMPORARY
from sweep.planning.plan import point_from
from sweep.reporting.leaderboard import Row, rows, schema
from sweep.store.events import EpochEvent, Event, StatusEvent
from sweep.store.ledger import read_ledger
from sweep.store.run_folder import RUN_FILE, RunFolder
from sweep.store.state import RunState, fold, full_plan
from sweep.store.status import Status
from tests.chaos.processes import Command
from tests.sweep.conftest import essence


@dataclass(frozen=True)
class Snapshot:
    """A run as it was found."""

    events: Sequence[Event]
    state: RunState
    rows: Sequence[Row]  # as `sweep report` shows them


NOTHING = Snapshot((), RunState(), ())


def look(path: Path) -> Snapshot:
    """The run in `path` as it is now."""
    folder = RunFolder(path)
    if not (path / RUN_FILE).exists():
        assert not folder.ledger.exists(), "a run without its mark has done nothing"
        return NOTHING
    events = list(read_ledger(folder.ledger)) if folder.ledger.exists() else []
    state = fold(events)
    return Snapshot(events, state, rows(folder, state))


def check(path: Path, before: Snapshot = NOTHING) -> Snapshot:
    """All that must hold after a fault, given how the run was found before it; how it is found now."""
    now = look(path)
    acknowledged(before.events, now.events)
    rows_stay(before.rows, now.rows)
    completed_once(now.events)
    gapless(now.events)
    if now is not NOTHING:
        planned(RunFolder(path), now)
        files_whole(RunFolder(path), now)
    return now


def check_end(path: Path, whole: Path, before: Snapshot = NOTHING) -> Snapshot:
    """`check`, and: all is done, equal to the run in `whole` bit for bit, and nothing is left lying about."""
    now = check(path, before)
    assert essence(path) == essence(whole)  # I7
    assert {row["status"] for row in now.rows} == {row["status"] for row in look(whole).rows}
    derived_match(RunFolder(path), now)
    nothing_left(path)
    return now


# I1 to I11, by the table of faults.


def acknowledged(before: Sequence[Event], now: Sequence[Event]) -> None:
    """I1: what was in the ledger is in it."""
    assert list(now[: len(before)]) == list(before)
    assert [event.seq for event in now] == list(range(1, len(now) + 1))


def planned(folder: RunFolder, now: Snapshot) -> None:
    """I2: settings are those of the plan, and nothing is told of what it does not hold."""
    plan = full_plan(folder.spec, now.state)
    points = [*plan.points, *plan.baselines]
    ids = [point.point_id for point in points]
    assert all(point_from(point.settings).point_id == point.point_id for point in points)
    assert len(set(ids)) == len(set(points))
    assert set(now.state.trials) <= {point.trial_id for point in points}
    assert set(now.state.scores) | set(now.state.cached) <= set(ids)
    assert [row["point_id"] for row in sorted(now.rows, key=lambda row: ids.index(row["point_id"]))] == [
        point.point_id for point in plan.points
    ]


def completed_once(events: Sequence[Event]) -> None:
    """I3 and I5: once a trial has ended for good, nothing more is told of it. Each point is scored once."""
    ended: set[str] = set()
    scored: set[str] = set()
    for event in of_trials(events):
        assert event.trial_id not in ended, f"line {event.seq}: of a trial that had ended"
        if event.status in (Status.COMPLETED, Status.STOPPED, Status.DIVERGED):
            ended.add(event.trial_id)
        for score in event.scores if isinstance(event, EpochEvent) else ():
            assert score.point_id not in scored, f"line {event.seq}: scored twice"
            scored.add(score.point_id)


def of_trials(events: Sequence[Event]) -> Iterator[StatusEvent | EpochEvent]:
    return (event for event in events if isinstance(event, StatusEvent | EpochEvent))


def gapless(events: Sequence[Event]) -> None:
    """I4: the epochs of a trial follow each other without a gap; attempts do not fall."""
    epochs: dict[str, int] = {}
    attempts: dict[str, int] = {}
    for event in of_trials(events):
        trial = event.trial_id
        assert event.attempt >= attempts.get(trial, 1), f"line {event.seq}: a late message"
        attempts[trial] = event.attempt
        if isinstance(event, EpochEvent) and event.losses is not None and event.epoch:
            assert event.epoch == epochs.get(trial, 0) + 1, f"line {event.seq}: out of order"
            epochs[trial] = event.epoch


def files_whole(folder: RunFolder, now: Snapshot) -> None:
    """I8: derived files open; every finished epoch of an open trial has a checkpoint or can be trained again."""
    for path in (folder.leaderboard, folder.samples):
        if path.exists():
            pq.read_table(path)
    for trial in (folder.path / "checkpoints").glob("*"):
        if (newest := newest_checkpoint(trial)) is not None:
            assert read_checkpoint(newest).state["epoch"] == int(newest.name)


def derived_match(folder: RunFolder, now: Snapshot) -> None:
    """I8: the leaderboard is what the ledger says."""
    table = pq.read_table(folder.leaderboard)
    assert table.schema.equals(schema(now.rows))
    names = ("point_id", "status", "rank", "dev_loss", "epoch", "attempt")
    shown = [tuple(row[name] for name in names) for row in table.select(names).to_pylist()]
    assert shown == [tuple(row.get(name) for name in names) for row in now.rows]


def rows_stay(before: Sequence[Row], now: Sequence[Row]) -> None:
    """I11: a row that was finished says what it said, its rank aside. (A base that had failed may come to stand by.)"""

    def finished(shown: Sequence[Row]) -> Mapping[str, Any]:
        full = (row for row in shown if row["status"].is_complete)
        return {row["point_id"]: {k: v for k, v in row.items() if k != "rank"} for row in full}

    after = finished(now)
    assert all(row.items() <= after[point_id].items() for point_id, row in finished(before).items())


def nothing_left(path: Path) -> None:
    """I9: no staged file, no lock."""
    assert [left.name for left in path.rglob(".*") if left.name != ".lock"] == []
    with RunFolder(path).lock():
        pass


def gone(family: Sequence[psutil.Process], pid: int, seconds: float = 0) -> None:
    """I9: no process and no private folder of a run is left, `seconds` after its end."""
    _, alive = psutil.wait_procs(family, timeout=seconds)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert list(TEMPORARY.glob(f"{PREFIX}{pid}-*")) == []


def says(command: Command, code: int, *texts: str) -> None:
    """I10: the exit code, and a message that names the fault and the way on. No traceback."""
    found = command.wait()
    stderr = command.stderr
    assert found == code, stderr
    assert "Traceback" not in stderr
    for text in texts:
        assert text in stderr, stderr
