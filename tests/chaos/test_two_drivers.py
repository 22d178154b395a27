"""F12: if two drivers start the same run, one works and the other reports it. Two different runs both work."""

from pathlib import Path

import pytest

from tests.chaos.conftest import Repeat, Whole
from tests.chaos.invariants import check_end, says
from tests.chaos.processes import Commands, wait_for_epochs

pytestmark = pytest.mark.fault("F12")
EPOCHS = ("--set", "epochs=5")
RUN = (*EPOCHS, "--executor", "inline", "--out")


def test_two_start_the_same_run(commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat) -> None:
    name = ("--name", "r")
    for seed in repeat(1, 10):
        out = tmp_path / f"{seed}"
        pair = [commands("run", micro, *RUN, out, *name) for _ in range(2)]
        codes = sorted(command.wait() for command in pair)
        assert codes in ([0, 2], [0, 0]), [command.stderr for command in pair]  # 0, 0: one after the other
        for command in pair:
            if command.wait() == 2:
                says(command, 2, "another process", "run 'r'", "sweep status r")
        check_end(out / "r", whole(*EPOCHS))
        assert [path.name for path in out.iterdir()] == ["r"]


def test_two_resume_the_same_run(commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat) -> None:
    name = ("--name", "r")
    for seed in repeat(1, 5):
        out = tmp_path / f"{seed}"
        begun = commands("run", micro, *RUN, out, *name)
        wait_for_epochs(out / "r", 7, begun)
        begun.kill()
        pair = [commands("resume", "r", "--out", out) for _ in range(2)]
        codes = sorted(command.wait() for command in pair)
        assert codes in ([0, 2], [0, 0]), [command.stderr for command in pair]
        check_end(out / "r", whole(*EPOCHS))


def test_two_unnamed_runs_of_one_space(commands: Commands, micro: Path, tmp_path: Path, repeat: Repeat) -> None:
    """The second is refused, or comes late enough to take all from the first."""
    for seed in repeat(1, 5):
        out = tmp_path / f"{seed}"
        pair = [commands("run", micro, *RUN, out) for _ in range(2)]
        codes = sorted(command.wait() for command in pair)
        assert codes in ([0, 2], [0, 0]), [command.stderr for command in pair]
        for command in pair:
            if command.wait() == 2:
                says(command, 2, "another process", "run 'micro'")


def test_two_runs_side_by_side(commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat) -> None:
    """In one out folder, so that each looks for finished points in the other."""
    for seed in repeat(1, 5):
        out = tmp_path / f"{seed}"
        pair = [commands("run", micro, *RUN, out, "--no-cache", "--name", name) for name in ("a", "b")]
        assert [command.wait() for command in pair] == [0, 0], [command.stderr for command in pair]
        check_end(out / "a", whole(*EPOCHS))
        check_end(out / "b", whole(*EPOCHS))
