"""`sweep rm` and `sweep mv`: what they leave alone, what other runs keep, and crashes in the middle."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result

from sweep import open_run
from sweep.errors import RunError
from sweep.store.heartbeat import hold_lease
from sweep.store.moving import borrowers, remove_run
from sweep.store.run_folder import RunFolder, list_runs
from tests.sweep.conftest import essence

Sweep = Callable[..., Result]


def names(out: Path) -> list[str]:
    return sorted(folder.name for folder in list_runs(out))


@pytest.fixture
def borrower(sweep: Sweep, finished: Path, micro: Path) -> Path:
    """A run whose rows all come from the finished one, whose data it spells otherwise."""
    data = RunFolder(finished).spec.plan.points[0].train.data
    Path("copy.txt").write_bytes(Path(str(data)).read_bytes())
    done = sweep("run", micro, "--executor", "inline", "--name", "b", "--set", "data=copy.txt")
    assert "4 CACHED" in done.stdout
    return finished.with_name("b")


def test_rm_asks_and_deletes_the_run(sweep: Sweep, finished: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "add --yes" in sweep("rm", "micro").stderr
    monkeypatch.setattr("click.confirm", lambda question: False)
    assert sweep("rm", "micro").exit_code == 0
    assert names(out) == ["micro"]
    assert f"deleted {finished}" in sweep("rm", finished, "--yes").stdout
    assert list(out.iterdir()) == []


def test_mv_renames_the_run_and_its_rows(sweep: Sweep, finished: Path, out: Path, micro: Path) -> None:
    before = essence(finished)
    assert sweep("mv", "micro", "ranks").exit_code == 0
    assert names(out) == ["ranks"]
    assert essence(out / "ranks") == before
    assert set(pq.read_table(out / "ranks" / "leaderboard.parquet")["run"].to_pylist()) == {"ranks"}
    assert "ranks: 4 points: 4 COMPLETED" in sweep("resume", "ranks").stdout
    assert "4 CACHED" in sweep("run", micro, "--executor", "inline").stdout


@pytest.mark.parametrize("name", ["micro", "taken", "link", "../x", ""])
def test_mv_to_a_name_that_cannot_be_is_refused(sweep: Sweep, finished: Path, out: Path, name: str) -> None:
    (out / "taken").mkdir()
    (out / "link").symlink_to("nowhere")
    assert sweep("mv", "micro", name).exit_code == 2
    assert names(out) == ["micro"]


@pytest.mark.parametrize("command", [("rm", "micro", "--yes"), ("mv", "micro", "other")])
def test_a_run_in_use_is_left_alone(sweep: Sweep, finished: Path, out: Path, command: tuple[str, ...]) -> None:
    with (finished / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is in use by another process" in sweep(*command).stderr
    (trial, *_) = (finished / "checkpoints").iterdir()
    with hold_lease(trial, attempt=9):
        assert f"a worker still trains {trial.name}" in sweep(*command).stderr
    assert names(out) == ["micro"]
    assert sweep(*command).exit_code == 0


def test_results_taken_from_a_deleted_run_stay(sweep: Sweep, finished: Path, borrower: Path) -> None:
    assert borrowers(RunFolder(finished)) == {"b": 5}  # four points and their baseline
    before = essence(borrower)
    result = sweep("rm", "micro", "--yes")
    assert "run b keeps the 5 results that it took from micro, but not their checkpoints" in result.stdout
    assert sweep("resume", "b").exit_code == 0
    assert essence(borrower) == before
    with pytest.raises(RunError, match=r"no checkpoint of point .* was kept in run 'micro'"):
        open_run(borrower).load_model()


def test_checkpoints_of_a_renamed_run_are_found(
    sweep: Sweep, finished: Path, borrower: Path, micro: Path, out: Path
) -> None:
    """Also where another run has taken its name."""
    expected = open_run(borrower).load_model()[0].state_dict()
    assert sweep("mv", "micro", "ranks").exit_code == 0
    assert sweep("run", micro, "--executor", "inline", "--name", "micro", "--set", "lr=0.5").exit_code == 0
    found = open_run(borrower).load_model()[0].state_dict()
    assert all(bool((found[name] == tensor).all()) for name, tensor in expected.items())
    assert open_run(borrower).leaderboard()["cached_from"].tolist() == ["micro"] * 4


def test_a_deletion_that_is_killed_leaves_no_run(
    sweep: Sweep, finished: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            remove_run(RunFolder(finished))
    assert names(out) == []
    assert len(list(out.iterdir())) == 1
    assert sweep("gc", "--yes").exit_code == 0
    assert list(out.iterdir()) == []


def test_of_a_link_only_the_link_goes(sweep: Sweep, finished: Path, out: Path, tmp_path: Path) -> None:
    finished.rename(tmp_path / "kept")
    finished.symlink_to(tmp_path / "kept")
    assert sweep("rm", "micro", "--yes").exit_code == 0
    assert not finished.exists()
    assert (tmp_path / "kept" / "run.json").exists()


def test_a_lock_that_was_opened_before_a_rename_is_not_taken(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process opens the lock file, another renames the run, and the first one locks."""
    flock = fcntl.flock

    def late(descriptor: int, operation: int) -> None:
        finished.rename(finished.with_name("other"))
        flock(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", late)
    with pytest.raises(RunError, match="was just deleted or renamed"), RunFolder(finished).lock():
        pass
