"""F10: a full disk and invalid paths give a message and lose nothing; with space again, the run ends the same.

A limit on the file size simulates a full disk: part of the data is written, then nothing. Permissions are not tested,
because root has all of them.
"""

import random
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.store.events import SessionEvent
from sweep.store.ledger import Ledger
from tests.chaos.conftest import Repeat, Whole
from tests.chaos.invariants import check, check_end, says
from tests.chaos.processes import Commands, wait_for_epochs

pytestmark = pytest.mark.fault("F10")
EPOCHS = ("--set", "epochs=5")
RUN = (*EPOCHS, "--executor", "inline", "--no-cache", "--name", "r", "--out")
LIMIT = resource.RLIMIT_FSIZE
GROWN = 300_000  # bytes: more than any other file of the run has


def begun(commands: Commands, micro: Path, out: Path) -> None:
    """A run that was killed after a few epochs."""
    command = commands("run", micro, *RUN, out)
    wait_for_epochs(out / "r", 4, command)
    command.kill()


def narrow(whole: Whole) -> int:
    """Bytes that hold the ledger and a checkpoint of rank 1, and not one of rank 2."""
    return (whole(*EPOCHS) / "ledger.jsonl").stat().st_size + 2_000


def test_no_room_in_the_ledger(commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat) -> None:
    for seed in repeat(1, 4):
        out = tmp_path / f"{seed}"
        begun(commands, micro, out)
        ledger = Ledger(out / "r" / "ledger.jsonl")
        ledger.append(SessionEvent(command=["x" * GROWN]))
        ledger.close()
        before = check(out / "r")
        limit = (out / "r" / "ledger.jsonl").stat().st_size + random.Random(seed).randint(0, 6_000)
        command = commands("resume", "r", "--out", out, limits={LIMIT: limit})
        says(command, 1, "cannot write to", "Nothing recorded is lost", "sweep resume r")
        before = check(out / "r", before)
        assert commands.run("resume", "r", "--out", out).wait() == 0
        check_end(out / "r", whole(*EPOCHS), before)


def test_no_room_for_a_checkpoint(
    commands: Commands, micro: Path, tmp_path: Path, whole: Whole, count: Callable[[int], None]
) -> None:
    """The larger trials fail with the reason; a resume tries them again."""
    command = commands("run", micro, *RUN, tmp_path, limits={LIMIT: narrow(whole)})
    says(command, 3, "FAILED", "File too large")
    before = check(tmp_path / "r")
    assert commands.run("resume", "r", "--out", tmp_path).wait() == 0
    check_end(tmp_path / "r", whole(*EPOCHS), before)
    count(1)


def test_no_room_for_a_run(commands: Commands, micro: Path, tmp_path: Path, count: Callable[[int], None]) -> None:
    out = tmp_path / "out"
    says(commands("run", micro, *RUN, out, limits={LIMIT: 1_000}), 2, "File too large", "--out")
    assert not out.exists()
    count(1)


@pytest.mark.parametrize("name", ["checkpoints", "logs", "leaderboard.parquet", "ledger.jsonl", ".lock"])
def test_a_path_that_is_something_else(
    name: str, commands: Commands, micro: Path, tmp_path: Path, whole: Whole, count: Callable[[int], None]
) -> None:
    """A file where a folder should be, and the other way round."""
    begun(commands, micro, tmp_path)
    place, kept = tmp_path / "r" / name, tmp_path / "kept"
    if place.exists():
        place.rename(kept)
    if name in ("checkpoints", "logs"):
        place.write_text("")
    else:
        place.mkdir()
    limits = {LIMIT: narrow(whole)} if name == "logs" else None  # something must fail for a log to be written
    command = commands("resume", "r", "--out", tmp_path, limits=limits)
    assert command.wait() in (0, 2, 3, 4), command.stderr
    assert "Traceback" not in command.stderr
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()
    if kept.exists():
        kept.rename(place)
    before = check(tmp_path / "r")
    assert commands.run("resume", "r", "--out", tmp_path).wait() == 0
    check_end(tmp_path / "r", whole(*EPOCHS), before)
    count(1)


def test_out_below_a_file(commands: Commands, micro: Path, tmp_path: Path, count: Callable[[int], None]) -> None:
    (tmp_path / "file").write_text("")
    says(commands("run", micro, *RUN, tmp_path / "file" / "out"), 2, "Not a directory", "--out")
    count(1)
