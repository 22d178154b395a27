"""`sweep gc`: what it deletes, what it keeps, and that it leaves links alone."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from tests.sweep.conftest import essence

Sweep = Callable[..., Result]


def weights(run: Path) -> list[Path]:
    return sorted(run.glob("checkpoints/*/*/model.safetensors"))


def test_it_frees_checkpoints_and_nothing_else(sweep: Sweep, finished: Path) -> None:
    before, held = essence(finished), weights(finished)
    assert len(held) >= 4
    dry = sweep("gc", "--keep", "none", "--dry-run")
    assert "would free" in dry.stdout
    assert weights(finished) == held
    assert sweep("gc", "--keep", "none", "--yes").exit_code == 0
    assert weights(finished) == []
    assert essence(finished) == before
    assert sweep("resume", "micro").stdout.startswith("micro: 4 points: 4 COMPLETED")


def test_without_a_run_it_lists_and_asks(sweep: Sweep, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = weights(finished)
    unanswered = sweep("gc", "--keep", "none")
    assert unanswered.exit_code == 2
    assert "would free" in unanswered.stdout
    assert "add --yes" in unanswered.stderr
    monkeypatch.setattr("click.confirm", lambda question: False)
    assert sweep("gc", "--keep", "none").exit_code == 0
    assert weights(finished) == held
    monkeypatch.setattr("click.confirm", lambda question: True)
    assert "freed" in sweep("gc", "--keep", "none").stdout
    assert weights(finished) == []
    assert "would free 0.0 MiB" in sweep("gc").stdout, "nothing is left to ask about"


def test_gc_keeps_protected_checkpoints_by_default(sweep: Sweep, finished: Path) -> None:
    held = weights(finished)
    assert "freed 0.0 MiB" in sweep("gc", "micro").stdout
    assert weights(finished) == held


def test_resumable_trials_keep_their_checkpoints(sweep: Sweep, micro: Path, out: Path) -> None:
    longer = ("run", micro, "--set", "epochs=4", "--executor", "inline", "--keep", "all")
    assert sweep(*longer, "--budget", "1trials").exit_code == 5
    run = RunFolder(out / "micro")
    ended = {name for name, trial in load_state(run).trials.items() if not trial.status.is_open}
    (run.checkpoints("0123456789ab") / "1").mkdir(parents=True)  # of a trial that the ledger does not end
    sweep("gc", "--keep", "none", "--yes")
    assert {path.name for path in (run.path / "checkpoints").iterdir()} == {"0123456789ab"}
    assert ended


def test_links_are_not_followed(sweep: Sweep, finished: Path, out: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    finished.rename(elsewhere)
    (out / "micro").symlink_to(elsewhere)
    result = sweep("gc", "--keep", "none", "--yes")
    assert "a symbolic link" in result.stdout
    assert len(weights(elsewhere)) >= 4


def test_a_linked_trial_is_not_followed(sweep: Sweep, finished: Path, tmp_path: Path) -> None:
    trial = next(path for path in (finished / "checkpoints").iterdir() if list(path.glob("*/model.safetensors")))
    trial.rename(tmp_path / "mine")
    trial.symlink_to(tmp_path / "mine")
    sweep("gc", "--keep", "none", "--yes")
    assert list((tmp_path / "mine").glob("*/model.safetensors"))


def test_a_run_that_works_is_left_alone(sweep: Sweep, finished: Path) -> None:
    held = weights(finished)
    with (finished / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is in use by another process" in sweep("gc", "--keep", "none", "--yes").stdout
    assert weights(finished) == held


def test_half_made_runs_of_killed_processes_go(sweep: Sweep, finished: Path, out: Path) -> None:
    left = out / ".micro-2.4242"
    left.mkdir()
    (left / "space.py").write_text("x")
    sweep("gc", "--yes")
    assert not left.exists()
    assert finished.exists()
