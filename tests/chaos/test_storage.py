"""F2: every write of a run, with a fault at its k-th operation for every k, leaves the old content or the new one.

After the fault, repeating the work on a healthy disk must succeed and leave no temporary file behind. Everything that
was acknowledged before a power loss must still be there afterwards.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from model.checkpoint import Checkpoint, newest_checkpoint, read_checkpoint, write_checkpoint
from sweep.errors import RunError
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import rows, write_leaderboard
from sweep.store.events import Event, SessionEvent
from sweep.store.ledger import Ledger, read_ledger
from sweep.store.run_folder import RunFolder, create_run, list_runs
from sweep.store.run_spec import RunSpec
from sweep.store.state import RunState, fold
from tests.chaos.faulty_disk import EIO, FAULTS, POWER, SHORT, Crash, faulty_disk
from tests.chaos.records import records, write_records
from tests.sweep.made_up import event

pytestmark = pytest.mark.fault("F2")


@dataclass(frozen=True)
class Work:
    """Something that writes. All three take the folder it works in."""

    begin: Callable[[Path], None]  # what is there before
    act: Callable[[Path], None]
    look: Callable[[Path], tuple[Any, ...]]  # parts, each of which is old or new


# The ledger.


def append(folder: Path) -> None:
    """Append unless it is there: what a driver does that finds out where it stands."""
    ledger = Ledger(folder / "ledger.jsonl")
    try:
        if ledger.seq < 4:
            ledger.append(event("status", trial_id="t", attempt=1, status="RUNNING", reason="x" * 100))
    finally:
        ledger.close()


def events(folder: Path) -> tuple[Any, ...]:
    path = folder / "ledger.jsonl"
    return ([(one.seq, one.kind) for one in read_ledger(path)] if path.exists() else [],)


def torn(folder: Path) -> None:
    write_records(folder / "ledger.jsonl", records()[:3])
    with (folder / "ledger.jsonl").open("ab") as file:
        file.write(b'{"seq": 4, "time": "20')


def first(folder: Path) -> None:
    ledger = Ledger(folder / "ledger.jsonl")
    try:
        if ledger.seq < 1:
            ledger.append(event("session", command=["sweep"]))
    finally:
        ledger.close()


# Checkpoints.


def content(epoch: int) -> Checkpoint:
    tensors = {"model": {"w": torch.full((50,), float(epoch))}, "optimizer": {"0.m": torch.full((50,), -float(epoch))}}
    return Checkpoint(tensors, {"epoch": epoch})


def saved(*epochs: int) -> Callable[[Path], None]:
    def begin(folder: Path) -> None:
        for epoch in epochs:
            write_checkpoint(folder / "t", epoch, content(epoch))

    return begin


def damaged(folder: Path) -> None:
    saved(1, 2, 3)(folder)
    (folder / "t" / "3" / "state.json").write_bytes(b"{}")


def newest(folder: Path) -> tuple[Any, ...]:
    """The epoch of the newest whole checkpoint; its parts must all be of that epoch."""
    place = newest_checkpoint(folder / "t")
    if place is None:
        return (None,)
    found = read_checkpoint(place)
    epoch = found.state["epoch"]
    assert place.name == str(epoch)
    assert torch.equal(found.tensors["model"]["w"], content(epoch).tensors["model"]["w"])
    assert torch.equal(found.tensors["optimizer"]["0.m"], content(epoch).tensors["optimizer"]["0.m"])
    return (epoch,)


def save_third(folder: Path) -> None:
    write_checkpoint(folder / "t", 3, content(3))


def save_last(folder: Path) -> None:
    write_checkpoint(folder / "t", 3, content(3), keep=1)


WORKS = {
    "a ledger is begun": Work(lambda folder: None, first, events),
    "an event is appended": Work(lambda folder: write_records(folder / "ledger.jsonl", records()[:3]), append, events),
    "an event is appended after a torn line": Work(torn, append, events),
    "the first checkpoint": Work(lambda folder: None, lambda f: saved(3)(f), newest),
    "a checkpoint, and one is pruned": Work(saved(1, 2), save_third, newest),
    "a damaged checkpoint is replaced": Work(damaged, save_third, newest),
    "the last checkpoint takes the place of all": Work(saved(1, 2), save_last, newest),
}


# The run folder, and what is derived.


@pytest.fixture
def spec(micro: Path, out: Path) -> RunSpec:
    return prepare(RunRequest(space=str(micro), out=out)).spec


def creation(spec: RunSpec) -> Work:
    def act(folder: Path) -> None:
        if not (folder / "results" / "r").exists():
            create_run(folder / "results", "r", spec, "source")

    def look(folder: Path) -> tuple[Any, ...]:
        runs = list_runs(folder / "results")
        assert all(run.spec == spec and (run.path / "space.py").read_text() == "source" for run in runs)
        return ([run.name for run in runs],)

    return Work(lambda folder: None, act, look)


def told(spec: RunSpec, points: int) -> RunState:
    """The state of a run of which the first `points` points are scored."""
    events: list[Event] = []
    for point in spec.plan.points[:points]:
        score = {
            "point_id": point.point_id,
            "metrics": {"chrf": 40.0},
            "decode_seconds": 0.1,
            "samples": [{"text": "a"}],
        }
        common: dict[str, Any] = {"trial_id": point.trial_id, "attempt": 1}
        end: dict[str, Any] = {"epoch": point.epochs, "scores": [score], "status": "COMPLETED"}
        events += [event("status", **common, status="RUNNING"), event("epoch", **common, dev_loss=2.0, **end)]
    return fold(events)


def derivation(spec: RunSpec) -> Work:
    """The leaderboard after one point, then after two. Its two files are old or new each by itself."""

    def run(folder: Path) -> RunFolder:
        found = RunFolder(folder / "r")
        found.path.mkdir(exist_ok=True)
        vars(found)["spec"] = spec  # as if run.json had been read
        return found

    return Work(
        lambda folder: write_leaderboard(run(folder), told(spec, 1), rows(run(folder), told(spec, 1))),
        lambda folder: write_leaderboard(run(folder), told(spec, 2), rows(run(folder), told(spec, 2))),
        lambda folder: tuple(
            pq.read_table(path).to_pylist() for path in (run(folder).leaderboard, run(folder).samples)
        ),
    )


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", [*WORKS, "a run is created", "the leaderboard is written"])
def test_old_or_new_at_every_operation(
    name: str, fault: str, spec: RunSpec, tmp_path: Path, full: bool, count: Callable[[int], None]
) -> None:
    later = {"a run is created": creation, "the leaderboard is written": derivation}
    work = WORKS[name] if name in WORKS else later[name](spec)
    before = tmp_path / "before"
    before.mkdir()
    work.begin(before)
    old = work.look(before)
    operations, new = rehearse(work, before, tmp_path / "rehearsal")
    assert operations
    for at in range(1, operations + 1, 1 if full else 3):
        strike(work, fault, at, before, tmp_path / f"{at}", old, new)
        count(1)
    if fault == POWER:
        stay(work, before, tmp_path / "acknowledged", new)
        count(1)


def rehearse(work: Work, before: Path, folder: Path) -> tuple[int, tuple[Any, ...]]:
    """The number of operations that the work takes, and what it leads to."""
    shutil.copytree(before, folder)
    with faulty_disk(folder) as disk:
        disk.arm(None, "")
        work.act(folder)
    return disk.count, work.look(folder)


def strike(
    work: Work, fault: str, at: int, before: Path, folder: Path, old: tuple[Any, ...], new: tuple[Any, ...]
) -> None:
    """The fault at operation `at`, a look, and the same work again."""
    shutil.copytree(before, folder)
    with faulty_disk(folder) as disk:
        disk.arm(at, fault)
        try:
            work.act(folder)
            returned = True
        except (Crash, OSError, RunError):
            returned = False
        disk.rest()
        if fault == POWER:
            disk.lose_power()
    where = f"{fault} at operation {at}"
    seen = work.look(folder)
    for part, part_old, part_new in zip(seen, old, new, strict=True):
        assert part in (part_old, part_new), where
    if returned:
        assert seen == new, f"{where}: it was acknowledged"
    work.act(folder)
    assert work.look(folder) == new, where
    assert [path for path in folder.rglob(".*") if path.name != ".lock"] == [], where


def stay(work: Work, before: Path, folder: Path, new: tuple[Any, ...]) -> None:
    """What was acknowledged outlasts a loss of power."""
    shutil.copytree(before, folder)
    with faulty_disk(folder) as disk:
        disk.arm(None, "")
        work.act(folder)
        disk.rest()
        disk.lose_power()
    assert work.look(folder) == new


def test_ledger_survives_a_failed_rollback(tmp_path: Path, count: Callable[[int], None]) -> None:
    """The line is whole in the file, but it was never acknowledged: the next one takes its place."""
    path = tmp_path / "ledger.jsonl"
    write_records(path, records()[:3])
    for at, fault in ((2, EIO), (1, SHORT)):  # fsync fails; a write falls short
        with faulty_disk(tmp_path) as disk, pytest.MonkeyPatch.context() as patch:
            ledger = Ledger(path)
            before = path.read_bytes()
            disk.arm(at, fault)
            patch.setattr("os.ftruncate", refuse)
            with pytest.raises(OSError, match=r"Input/output error|is the disk full"):
                ledger.append(event("session", command=["never acknowledged"]))
            patch.undo()
            disk.rest()
            assert path.read_bytes() != before
        ledger.append(event("session", command=["acknowledged"]))
        ledger.close()
        assert [one.command for one in read_ledger(path) if isinstance(one, SessionEvent)][-1] == ["acknowledged"]
        count(1)


def refuse(descriptor: int, length: int) -> None:
    raise OSError("no")
