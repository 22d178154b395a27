"""F9: SIGINT, SIGTERM, two signals, and one during a checkpoint: exit code, resume command and final result."""

import random
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.conftest import Repeat, Whole
from tests.chaos.hooks import interrupted_in_checkpoint, signalled_at_the_end
from tests.chaos.invariants import check, check_end, says
from tests.chaos.processes import Commands, wait_for_epochs

pytestmark = pytest.mark.fault("F9")
EPOCHS = ("--set", "epochs=6")
RUN = (*EPOCHS, "--executor", "inline", "--no-cache", "--name", "r", "--out")
SIGNALS = [
    pytest.param([signal.SIGINT], id="SIGINT"),
    pytest.param([signal.SIGTERM], id="SIGTERM", marks=pytest.mark.chaos),
    pytest.param([signal.SIGINT] * 2, id="SIGINT twice", marks=pytest.mark.chaos),
    pytest.param([signal.SIGTERM] * 2, id="SIGTERM twice"),
]


@pytest.mark.parametrize("signals", SIGNALS)
def test_a_signal_at_a_random_moment(
    signals: Sequence[signal.Signals], commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat
) -> None:
    for seed in repeat(1, 5):
        moments, out = random.Random(seed), tmp_path / f"{seed}"
        command = commands("run", micro, *RUN, out)
        wait_for_epochs(out / "r", moments.randint(1, 14), command)
        for number in signals:
            time.sleep(moments.uniform(0, 0.03))
            command.send(number)
        says(command, 128 + signals[0], f"resume with: sweep resume r --out {out}")
        before = check(out / "r")
        assert commands.run("resume", "r", "--out", out).wait() == 0
        check_end(out / "r", whole(*EPOCHS), before)


@pytest.mark.parametrize("signals", SIGNALS)
def test_a_signal_in_the_middle_of_a_checkpoint(
    signals: Sequence[signal.Signals], commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat
) -> None:
    for seed in repeat(1, 5):
        out = tmp_path / f"{seed}"
        hook = partial(interrupted_in_checkpoint, random.Random(seed).randint(1, 40), list(signals))
        command = commands("run", micro, *RUN, out, hook=hook)
        says(command, 128 + signals[0], f"resume with: sweep resume r --out {out}")
        before = check(out / "r")
        assert commands.run("resume", "r", "--out", out).wait() == 0
        check_end(out / "r", whole(*EPOCHS), before)


@pytest.mark.parametrize(
    "place", ["sweep.store.recorder.Recorder.check_disk", "sweep.cli.summary.summarize", "sweep.cli.summary.counts"]
)
@pytest.mark.parametrize("signals", [SIGNALS[2], SIGNALS[3]])
def test_a_second_signal_when_the_work_has_stopped_already(
    signals: Sequence[signal.Signals], place: str, commands: Commands, micro: Path, tmp_path: Path, whole: Whole
) -> None:
    out = tmp_path / "out"
    command = commands("run", micro, *RUN, out, hook=partial(signalled_at_the_end, list(signals), place))
    says(command, 128 + signals[0], f"resume with: sweep resume r --out {out}")
    before = check(out / "r")
    assert commands.run("resume", "r", "--out", out).wait() == 0
    check_end(out / "r", whole(*EPOCHS), before)
