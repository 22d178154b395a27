"""What stays of a training under each policy."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from model.checkpoint import read_checkpoint
from sweep.run_folder import RunFolder
from sweep.state import state_of
from sweep.status import Status

Sweep = Callable[..., Result]
OVERFITS = ("--set", "lr=0.2", "--set", "epochs=5", "--set", "lora.dropout=0.0")  # the best epoch is not the last


@pytest.fixture
def kept(sweep: Sweep, micro: Path, out: Path) -> Callable[..., dict[int, set[int]]]:
    """kept(policy): which epochs' checkpoints each ended training has, by its best epoch."""

    def run(policy: str, *arguments: str) -> dict[int, set[int]]:
        assert sweep("run", micro, "--executor", "inline", "--keep", policy, *OVERFITS, *arguments).exit_code in (0, 3)
        folder = RunFolder(out / "micro")
        found = {}
        for name, trial in state_of(folder).trials.items():
            if trial.status is Status.COMPLETED and trial.known_epoch:
                best = trial.epochs[trial.known_epoch]["losses"]["best_epoch"]
                place = folder.checkpoints(name)
                found[best] = {int(path.name) for path in place.iterdir()} if place.is_dir() else set()
                assert not (place / "alive").exists()
        assert found
        return found

    return run


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("best+last", lambda best: {best, 5}),
        ("last", lambda best: {5}),
        ("none", lambda best: set()),
        ("all", lambda best: {1, 2, 3, 4, 5}),
    ],
)
def test_policies(kept: Callable[..., dict[int, set[int]]], policy: str, expected: Callable[[int], set[int]]) -> None:
    found = kept(policy)
    assert found == {best: expected(best) for best in found}
    assert any(best < 5 for best in found), "else best+last is tested against nothing"


def test_what_stays_has_weights_and_no_optimizer(kept: Callable[..., dict[int, set[int]]], out: Path) -> None:
    kept("best+last")
    places = [path.parent for path in (out / "micro" / "checkpoints").glob("*/*/manifest.json")]
    assert places
    for place in places:
        checkpoint = read_checkpoint(place)
        assert checkpoint.tensors["model"]
        assert not checkpoint.tensors["optimizer"]


@pytest.mark.parametrize("scheduler", ["asha", "asha-promote"])
def test_what_a_scheduler_stopped_keeps_nothing(sweep: Sweep, micro: Path, out: Path, scheduler: str) -> None:
    arguments = ("--set", "epochs=3", "--executor", "inline", "--scheduler", scheduler)
    assert sweep("run", micro, *arguments).exit_code == 0
    folder = RunFolder(out / "micro")
    trials = state_of(folder).trials
    stopped = [name for name, trial in trials.items() if trial.status is Status.STOPPED]
    assert stopped
    assert not [name for name in stopped if folder.checkpoints(name).exists()]
    assert [name for name in trials if folder.checkpoints(name).exists()]
