"""F5: the driver is repeatedly killed at random moments. The run ends like one that was never interrupted."""

import random
import time
from pathlib import Path

import pytest

from tests.chaos.conftest import Repeat, Whole
from tests.chaos.invariants import NOTHING, Snapshot, check, check_end
from tests.chaos.processes import Commands

LONGEST = 0.9  # seconds until a kill: the whole run takes about twice as long
RUN = ("--executor", "inline", "--no-cache", "--name", "r")
METHODS = [
    pytest.param((), id="lora"),
    pytest.param(("--set", "optimizer=soap"), id="soap", marks=pytest.mark.chaos),
    pytest.param(("--set", "smart.lam=0.1", "--set", "epochs=5,15"), id="smart", marks=pytest.mark.chaos),
    pytest.param(("--set", "lr=0.2", "--keep-best-epoch", "--keep", "last"), id="best_epoch", marks=pytest.mark.chaos),
]


@pytest.mark.fault("F5")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("settings", METHODS)
def test_killed_at_random_moments(
    settings: tuple[str, ...], commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat
) -> None:
    settings = ("--set", "epochs=15", *settings)
    expected, arguments = whole(*settings), ("run", micro, *RUN, *settings, "--out")
    number, before = 0, NOTHING
    for seed in repeat(6, 50):
        while True:  # until a kill hits
            out = tmp_path / f"{number}"
            command = commands(*arguments, out)
            time.sleep(random.Random(seed).uniform(0, LONGEST))
            if not command.ended:
                break
            assert command.wait() == 0, command.stderr
            check_end(out / "r", expected, before)
            number, before = number + 1, NOTHING
        command.kill()
        before = check(out / "r", before)
    finish(commands, arguments, out, expected, before)


def finish(commands: Commands, arguments: tuple[object, ...], out: Path, expected: Path, before: Snapshot) -> None:
    """Go on to the end: as it was never interrupted."""
    command = commands.run(*arguments, out)
    assert command.wait() == 0, command.stderr
    check_end(out / "r", expected, before)
