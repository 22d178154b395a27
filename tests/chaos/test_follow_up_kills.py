"""F5: `sweep settle` and `sweep confirm` are killed at random moments. They end like commands never interrupted."""

import random
import shutil
import time
from pathlib import Path

import pytest

from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from tests.chaos.conftest import Repeat
from tests.chaos.invariants import NOTHING, check, check_end
from tests.chaos.processes import Commands

LONGEST = 1.2  # seconds until a kill
PARENT = ("--executor", "inline", "--set", "lora.dropout=0.0", "--set", "epochs=6", "--seeds", "2", "--name", "r")
COMMANDS = {
    "settle": ("settle", "r", "lora.rank=1 vs lora.rank=2", "--max-seeds", "8", "--executor", "inline"),
    "confirm": ("confirm", "r", "--top", "2", "--seeds", "3", "--executor", "inline"),
}


@pytest.mark.chaos
@pytest.mark.fault("F5")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_moments(name: str, commands: Commands, micro: Path, tmp_path: Path, repeat: Repeat) -> None:
    parent, whole, out = tmp_path / "parent", tmp_path / "whole", tmp_path / "killed"
    assert commands.run("run", micro, *PARENT, "--out", parent).wait() == 0
    for place in (whole, out):
        shutil.copytree(parent, place)
    assert commands.run(*COMMANDS[name], "--out", whole).wait() == 0
    before = NOTHING
    for seed in repeat(4, 20):
        command = commands(*COMMANDS[name], "--out", out)
        time.sleep(random.Random(seed).uniform(0.1, LONGEST))
        if command.ended:  # done: begin again
            assert command.wait() == 0, command.stderr
            compare(out, whole, name, before)
            shutil.rmtree(out)
            shutil.copytree(parent, out)
            before = NOTHING
            continue
        command.kill()
        before = check(out / f"r-{name}", before)
    command = commands.run(*COMMANDS[name], "--out", out)
    assert command.wait() == 0, command.stderr
    compare(out, whole, name, before)


def compare(out: Path, whole: Path, name: str, before: object) -> None:
    """The follow-up run and its decision are those of the command never interrupted; the parent records it once."""
    follow_up = f"r-{name}"
    check_end(out / follow_up, whole / follow_up, before)
    assert sorted(path.name for path in out.iterdir()) == ["r", follow_up]
    mine, theirs = (load_state(RunFolder(place / follow_up)).settled for place in (out, whole))
    assert (mine is None) == (theirs is None)
    if mine is not None and theirs is not None:
        assert (mine.decision, mine.pairs, mine.mean) == (theirs.decision, theirs.pairs, theirs.mean)
    confirmed = load_state(RunFolder(out / "r")).confirmations
    assert [event.run for event in confirmed] == ["r-confirm"] * (name == "confirm")
