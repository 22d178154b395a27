"""The benchmark of orchestration: what counts as cost, when a run has started, and the lines of its rows."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import orchestration
from benchmarks.orchestration import seconds_until, trial_costs
from sweep.store.events import EpochEvent, Score
from sweep.store.status import Status
from sweep.testing import fake_cost, fake_losses


def ended(elapsed: float, train: float, decode: float) -> EpochEvent:
    """The last report of a trial."""
    losses = fake_losses(1, 3.0)
    object.__setattr__(losses, "train_seconds", train)
    scores = [Score(point_id="p", metrics={}, samples=[], decode_seconds=decode)]
    return EpochEvent(
        trial_id="t",
        attempt=1,
        epoch=1,
        losses=losses,
        cost=fake_cost(),
        scores=scores,
        status=Status.COMPLETED,
        elapsed=elapsed,
    )


def test_costs_leave_out_training_and_decoding() -> None:
    first, second, third = ended(10.0, 1.0, 1.0), ended(11.0, 0.5, 0.2), ended(13.0, 1.0, 0.75)
    going_on = EpochEvent(trial_id="u", attempt=1, epoch=1, losses=fake_losses(1, 3.0), elapsed=12.0)
    assert trial_costs([first, second, going_on, third]) == pytest.approx([0.3, 0.25])


def test_waiting_ends_when_it_happened() -> None:
    code = "import sys; print('ready', flush=True); sys.stdin.read()"

    def happened(process: "subprocess.Popen[str]") -> object:
        return process.stdout is not None and process.stdout.readline() == "ready\n"

    assert 0 < seconds_until(happened, [sys.executable, "-c", code]) < 30


def test_a_command_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        seconds_until(lambda process: False, [sys.executable, "-c", "raise SystemExit(3)"])


def test_rows_have_their_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    def folder_of(*arguments: object) -> float:
        return 10.0 / int(str(arguments[arguments.index("--concurrency") + 1]))

    monkeypatch.setattr(orchestration, "sweep", folder_of)
    monkeypatch.setattr(orchestration, "read_ledger", lambda path: [ended(1.0, 0, 0), ended(1.125, 0, 0)])
    monkeypatch.setattr(orchestration, "first_report", lambda folder: 6.0)
    monkeypatch.setattr(orchestration, "ray_alone", lambda: 4.0)
    lines = (*orchestration.cost(), *orchestration.start(), *orchestration.workers())
    found = [(line.row, line.figure, line.target, line.passes) for line in lines]
    assert found == [(8, 0.125, 0.10, False), (9, 6.0, 5.0, False), (9, 1.5, 1.2, False), (10, 2.0, 1.9, True)]


@pytest.mark.slow
def test_a_run_starts(tmp_path: Path) -> None:
    assert 1 < orchestration.first_report(tmp_path) < 120
    assert 1 < orchestration.ray_alone() < 120
