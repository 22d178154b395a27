"""Which checkpoints are kept, on micro runs with the real code."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from model.checkpoint import newest_checkpoint, read_checkpoint
from model.training import Training
from sweep.execution.trial import TrialReport, run_trial
from sweep.reporting.leaderboard import load_rows
from sweep.store.retention import apply, newest, protected_epochs, size
from sweep.store.run_folder import RunFolder
from sweep.store.state import EpochRecord, TrialState, load_state
from sweep.store.status import Status
from tests.sweep.execution.test_trial import job_of
from tests.sweep.made_up import epoch_record

Sweep = Callable[..., Result]
LOSSES = (3.0, 2.0, 4.0, 5.0)  # the second epoch is the best of four


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training has its best epoch in the middle."""
    monkeypatch.setattr("model.training.Training.dev_loss", lambda training: LOSSES[training.epoch - 1])


def kept(run: RunFolder) -> dict[str, list[str]]:
    """What is left of each training: names of its folders and files."""
    trainings = {trial.trial_id for trial in run.spec.plan.trials}
    return {name: sorted(p.name for p in run.checkpoints(name).glob("*")) for name in trainings}


def best_epoch_of(report: TrialReport) -> int:
    assert report.losses is not None
    return report.losses.best_epoch


def losses(best: int) -> EpochRecord:
    return epoch_record(best, 3.0)


@pytest.mark.parametrize(
    ("keep", "expected"), [("best+last", ["2", "4"]), ("last", ["4"]), ("none", []), ("all", ["1", "2", "3", "4"])]
)
def test_kept_checkpoints_by_policy(
    sweep: Sweep, micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch, keep: str, expected: list[str]
) -> None:
    numbers: dict[object, Iterator[float]] = {}

    def dev_loss(training: object) -> float:
        return next(numbers.setdefault(training, iter(LOSSES)))

    monkeypatch.setattr("model.training.Training.dev_loss", dev_loss)
    options = ["--executor", "inline", "--keep", keep, "--set", "epochs=4", "--set", "lora.rank=1"]
    assert sweep("run", micro, *options).exit_code == 0
    run = RunFolder(out / "micro")
    assert list(kept(run).values()) == [expected] * 2
    for name in kept(run):
        for epoch in expected:
            folder = run.checkpoints(name) / epoch
            assert "lora" in " ".join(read_checkpoint(folder).tensors["model"])
            if keep != "all":  # what nobody goes on with needs no optimizer
                assert not read_checkpoint(folder).tensors["optimizer"]


def test_stopped_trials_keep_no_checkpoint(sweep: Sweep, micro: Path, out: Path) -> None:
    asha = ["--executor", "inline", "--scheduler", "asha-promote", "--reduction-factor", "2"]
    assert sweep("run", micro, *asha, "--set", "lora.dropout=0.0,0.1,0.2").exit_code == 0
    run = RunFolder(out / "micro")
    trials = load_state(run).trials
    left = kept(run)
    assert {trials[name].status for name in left} == {Status.STOPPED, Status.COMPLETED}
    for name, names in left.items():
        assert bool(names) == (trials[name].status is Status.COMPLETED)


def test_promotable_trials_keep_their_checkpoint(sweep: Sweep, micro: Path, out: Path) -> None:
    asha = ["--executor", "inline", "--scheduler", "asha-promote", "--reduction-factor", "2", "--budget", "3trials"]
    assert sweep("run", micro, *asha).exit_code == 5
    run = RunFolder(out / "micro")
    state = load_state(run)
    left = kept(run)
    stopped = [name for name in left if state.trial(name).status is Status.STOPPED]
    assert len(stopped) == 2
    assert all("1" in left[name] for name in stopped)


def test_keep_all_keeps_stopped_trials(sweep: Sweep, micro: Path, out: Path) -> None:
    asha = ["--executor", "inline", "--scheduler", "asha-promote", "--reduction-factor", "2", "--keep", "all"]
    assert sweep("run", micro, *asha).exit_code == 0
    assert sorted(map(len, kept(RunFolder(out / "micro")).values())) == [1, 1, 2, 2]


def test_diverged_trials_keep_no_checkpoint(sweep: Sweep, micro: Path, out: Path) -> None:
    assert sweep("run", micro, "--executor", "inline", "--set", "lr=1e30").exit_code == 4
    run = RunFolder(out / "micro")
    assert {row["status"] for row in load_rows(run)} == {Status.DIVERGED}
    assert not any(kept(run).values())


def test_best_checkpoint_loads_and_last_one_resumes(micro_plan: object, tmp_path: Path) -> None:
    """A worker that is stopped keeps what it needs to go on, and the best one besides."""
    trial = micro_plan.trials[0]  # type: ignore[attr-defined]
    trial = replace(trial, points=(replace(trial.points[0], train=replace(trial.points[0].train, epochs=6)),))
    reports = run_trial(job_of(trial, tmp_path))
    best = 0
    for _ in range(5):
        best = best_epoch_of(next(reports))
    reports.close()
    found = sorted(int(p.name) for p in tmp_path.iterdir() if p.name.isdigit())
    assert found == sorted({best, 4, 5})
    assert all(read_checkpoint(tmp_path / str(epoch)).tensors["optimizer"] for epoch in (4, 5))


@pytest.mark.parametrize(
    ("keep", "ended", "count"),
    [("best+last", False, 2), ("best+last", True, 1), ("none", False, 2), ("all", True, None)],
)
def test_how_many_a_worker_leaves(keep: str, ended: bool, count: int | None) -> None:
    assert newest(keep, ended) == count


def test_which_ones_a_worker_spares() -> None:
    assert [protected_epochs(keep, 3) for keep in ("best+last", "last", "none", "all")] == [(3,), (), (), ()]


# Links.


@pytest.fixture
def elsewhere(tmp_path: Path, micro_plan: object) -> Path:
    """A real training's checkpoints, in a folder that is not the run's."""
    folder = tmp_path / "elsewhere"
    list(run_trial(job_of(micro_plan.trials[0], folder)))  # type: ignore[attr-defined]
    (folder / "alive").write_text("mine")
    return folder


def ended(status: Status, rung: int | None = None) -> TrialState:
    return TrialState(status=status, rung=rung, epochs={1: losses(1), 2: losses(1)})


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("keep", ["best+last", "last", "none", "all"])
@pytest.mark.parametrize("state", [ended(Status.COMPLETED), ended(Status.STOPPED, 1), ended(Status.DIVERGED)])
def test_a_trial_that_is_a_link_is_not_followed(tmp_path: Path, elsewhere: Path, keep: str, state: TrialState) -> None:
    before = files(elsewhere)
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    apply(link, state, keep)
    assert files(elsewhere) == before
    assert link.is_symlink()


@pytest.mark.parametrize("keep", ["best+last", "last", "none", "all"])
@pytest.mark.parametrize("state", [ended(Status.COMPLETED), ended(Status.STOPPED, 1)])
def test_an_epoch_that_is_a_link_is_not_followed(tmp_path: Path, elsewhere: Path, keep: str, state: TrialState) -> None:
    """Someone has moved an epoch to another disk."""
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (elsewhere / "2").iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    before = files(moved)
    for epoch in ("0", "1"):
        (elsewhere / epoch).symlink_to(moved) if not (elsewhere / epoch).exists() else None
    apply(elsewhere, state, keep)
    assert files(moved) == before


@pytest.mark.parametrize("damage", ["model.safetensors", "manifest.json"])
def test_a_damaged_best_checkpoint_does_not_end_the_session(tmp_path: Path, micro_plan: object, damage: str) -> None:
    trial = micro_plan.trials[0]  # type: ignore[attr-defined]
    list(run_trial(replace(job_of(trial, tmp_path / "trial"), keep="all")))
    (tmp_path / "trial" / "1" / damage).write_bytes(b"damaged")
    apply(tmp_path / "trial", ended(Status.COMPLETED), "best+last")
    assert newest_checkpoint(tmp_path / "trial") == tmp_path / "trial" / "2"


@pytest.mark.parametrize("whole", [True, False])
def test_next_session_repairs_an_interrupted_prune(
    sweep: Sweep, micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """The best checkpoint was being written anew without its optimizer; `whole`: all of it but its renaming."""
    dev_losses = (9.0, 3.0, 2.0, 4.0)  # the best epoch is the second of three
    monkeypatch.setattr(Training, "dev_loss", lambda training: dev_losses[training.epoch])
    assert sweep("run", micro, "--set", "epochs=3", "--executor", "inline", "--name", "r").exit_code == 0
    expected = {path.relative_to(out) for path in (out / "r" / "checkpoints").rglob("*")}
    for folder in (out / "r" / "checkpoints").iterdir():
        assert sorted(path.name for path in folder.glob("[0-9]*")) == ["2", "3"]
        best = min(folder.glob("[0-9]*"), key=lambda place: int(place.name))
        staged = best.rename(folder / f".{best.name}.partial")
        if not whole:
            (staged / "manifest.json").unlink()
    assert sweep("resume", "r").exit_code == 0
    left = {path.relative_to(out) for path in (out / "r" / "checkpoints").rglob("*")}
    assert not [path for path in left if path.name.startswith(".")]
    assert left == expected if whole else left < expected


def test_nothing_to_settle(tmp_path: Path) -> None:
    apply(tmp_path / "nowhere", ended(Status.COMPLETED), "none")
    assert not (tmp_path / "nowhere").exists()


def test_folder_size_excludes_link_targets(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"12345")
    (tmp_path / "a" / "file").write_bytes(b"123")
    (tmp_path / "big").write_bytes(b"0" * 1000)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "big")
    assert size(tmp_path / "a") == 8
    assert size(tmp_path / "nowhere") == 0
