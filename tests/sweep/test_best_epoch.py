"""`keep_best_epoch`: points scored with the weights of their epoch with the lowest dev loss."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result

import sweep as api
from model.config import TrainConfig
from model.training import Training, train
from sweep.execution.trial import TrialReport, run_trial
from sweep.planning.plan import Plan, Point, Trial
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.status import Status
from tests.sweep.conftest import essence as essence_of_run
from tests.sweep.execution.test_trial import essence, job_of

Sweep = Callable[..., Result]
LOSSES = (3.0, 2.0, 4.0, 5.0, 1.0)  # the best epoch is 2, from the fifth epoch on 5
INLINE = ("--executor", "inline")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dev losses by epoch; a baseline has 9."""
    monkeypatch.setattr(Training, "dev_loss", lambda training: (9.0, *LOSSES)[training.epoch])


def point_of(plan: Plan, epochs: int, *, best: bool, **settings: object) -> Point:
    point = plan.points[3]
    train_config = replace(point.train, epochs=epochs, keep_best_epoch=best, **settings)  # type: ignore[arg-type]
    return Point(train_config, point.decode)


def score_at(point: Point, epoch: int) -> dict[str, float]:
    """The metrics of the weights after `epoch`, by training that far."""
    *_, last = train(replace(point.train, epochs=epoch, keep_best_epoch=None))
    return dict(last.training.evaluate(point.decode).metrics)


def metrics_of(reports: list[TrialReport]) -> dict[str, dict[str, float]]:
    return {score.point_id: dict(score.metrics) for report in reports for score in report.scores}


def test_it_is_part_of_a_point_and_not_of_its_trial(micro_plan: Plan) -> None:
    best, last = (point_of(micro_plan, 2, best=best) for best in (True, False))
    assert last == micro_plan.points[3]
    assert (best.point_id != last.point_id, best.trial_id) == (True, last.trial_id)
    assert best.settings == {**last.settings, "keep_best_epoch": True}
    assert best.baseline == last.baseline
    assert TrainConfig(keep_best_epoch=False) == TrainConfig()


@pytest.mark.usefixtures("made_up")
def test_each_milestone_is_scored_at_the_best_epoch_up_to_it(micro_plan: Plan, tmp_path: Path) -> None:
    points = [point_of(micro_plan, epochs, best=True) for epochs in (1, 4, 5)]
    points.append(point_of(micro_plan, 4, best=False))
    found = metrics_of(list(run_trial(job_of(Trial(tuple(points)), tmp_path))))
    epochs = (1, 2, 5, 4)
    assert [found[point.point_id] for point in points] == [
        score_at(point, epoch) for point, epoch in zip(points, epochs, strict=True)
    ]


@pytest.mark.usefixtures("made_up")
def test_scoring_changes_nothing_of_the_training(micro_plan: Plan, tmp_path: Path) -> None:
    last = point_of(micro_plan, 5, best=False)
    both = Trial((point_of(micro_plan, 3, best=True), last))
    alone = list(run_trial(job_of(Trial((last,)), tmp_path / "alone")))
    shared = list(run_trial(job_of(both, tmp_path / "shared")))
    assert metrics_of(shared)[last.point_id] == metrics_of(alone)[last.point_id]
    assert [report.losses and report.losses.train_loss for report in shared] == [
        report.losses and report.losses.train_loss for report in alone
    ]


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("keep", ["best+last", "last", "none", "all"])
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_resumed_trial_scores_the_same(micro_plan: Plan, tmp_path: Path, stop: int, keep: str) -> None:
    trial = Trial((point_of(micro_plan, 4, best=True),))
    whole = [essence(report) for report in run_trial(job_of(trial, tmp_path / "whole"))]
    job = replace(job_of(trial, tmp_path / "stopped"), keep=keep)
    stopped = run_trial(job)
    for _ in range(stop):
        next(stopped)
    stopped.close()
    assert [essence(report) for report in run_trial(replace(job, known_epoch=stop))] == whole[stop:]


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_trial_begins_anew_without_its_best_epoch(micro_plan: Plan, tmp_path: Path, damage: str) -> None:
    trial = Trial((point_of(micro_plan, 4, best=True),))
    whole = [essence(report) for report in run_trial(job_of(trial, tmp_path / "whole"))]
    job = job_of(trial, tmp_path / "stopped")
    stopped = run_trial(job)
    for _ in range(3):
        next(stopped)
    stopped.close()
    weights = tmp_path / "stopped" / "2" / "model.safetensors"
    weights.unlink() if damage == "missing" else weights.write_bytes(b"damaged")
    assert [essence(report) for report in run_trial(replace(job, known_epoch=3))] == whole[3:]


@pytest.mark.usefixtures("made_up")
def test_early_stopped_trial_scores_the_best_epoch_up_to_the_stop(micro_plan: Plan, tmp_path: Path) -> None:
    point = point_of(micro_plan, 5, best=True, patience=2)
    *_, last = run_trial(job_of(Trial((point,)), tmp_path))
    assert (last.epoch, last.status) == (4, Status.STOPPED)
    assert metrics_of([last]) == {
        point.point_id: score_at(replace(point, train=replace(point.train, patience=None)), 2)
    }


@pytest.fixture
def compared(sweep: Sweep, micro: Path, out: Path, made_up: None) -> RunFolder:
    """A run of one trial with two points: one scored at its best epoch, one at its last."""
    options = ("--set", "epochs=4", "--set", "lora.rank=1", "--set", "lora.dropout=0.5")
    assert sweep("run", micro, *INLINE, *options, "--set", "keep_best_epoch=true,None").exit_code == 0
    return RunFolder(out / "micro")


def test_row_says_at_which_epoch_it_was_scored(compared: RunFolder, sweep: Sweep) -> None:
    best, last = sorted(load_rows(compared), key=lambda row: row["epoch"])
    assert best["trial_id"] == last["trial_id"]
    assert (best["epoch"], best["dev_loss"], best["epochs_budget"]) == (2, 2.0, 4)
    assert (last["epoch"], last["dev_loss"], last["epochs_budget"]) == (4, 5.0, 4)
    assert best["train_loss"] != last["train_loss"]
    assert (best["train_tokens"], best["train_seconds"]) == (last["train_tokens"], last["train_seconds"])
    assert best["keep_best_epoch"] is True
    assert "epoch" in sweep("report", "micro", "--wide").output.splitlines()[3].split()
    stored = pq.read_table(compared.leaderboard).to_pylist()
    assert {row["keep_best_epoch"]: row["epoch"] for row in stored} == {True: 2, None: 4}


def test_model_of_a_point_is_the_scored_one(compared: RunFolder, micro_plan: Plan) -> None:
    for row in load_rows(compared):
        run = api.open_run(compared.path)
        model, _ = run.load_model(row["point_id"])
        training = Training(compared.spec.plan.points[0].train)
        training.load(compared.checkpoints(row["trial_id"]) / str(row["epoch"]))
        saved = {name: value for name, value in training.model.named_parameters() if "lora" in name}
        assert saved
        assert all(bool((dict(model.named_parameters())[name] == value).all()) for name, value in saved.items())


def test_curve_holds_each_score_at_its_epoch(compared: RunFolder) -> None:
    rows = {row["epoch"]: row["chrf"] for row in load_rows(compared)}
    curve = api.open_run(compared.path).curves()
    assert dict(curve.dropna().set_index("epoch")["chrf"]) == rows


@pytest.mark.usefixtures("made_up")
def test_flag_is_short_for_the_setting(sweep: Sweep, micro: Path, out: Path) -> None:
    options = ("--set", "epochs=4", "--set", "lora.rank=1", "--set", "lora.dropout=0.5", "--keep", "none")
    assert sweep("run", micro, *INLINE, *options, "--keep-best-epoch", "--name", "a").exit_code == 0
    result = sweep("run", micro, *INLINE, *options, "--set", "keep_best_epoch=true", "--name", "b")
    assert result.exit_code == 0
    mine, cached = (load_rows(RunFolder(out / name)) for name in ("a", "b"))
    assert [(row["status"], row["epoch"], row["chrf"]) for row in cached] == [("CACHED", 2, mine[0]["chrf"])]
    config = json.loads(mine[0]["config_json"])
    assert config["keep_best_epoch"] is True
    assert not list((out / "a").glob("checkpoints/*/*"))


@pytest.mark.usefixtures("made_up")
def test_promoted_trials_score_their_best_epoch(sweep: Sweep, micro: Path, out: Path) -> None:
    """A trial that waits at a rung keeps the checkpoint of its best epoch."""
    options = ("--set", "epochs=4", "--set", "lora.dropout=0.5", "--keep-best-epoch", "--keep", "last")
    asha = ("--scheduler", "asha-promote", "--reduction-factor", "2", "--grace-period", "1")
    assert sweep("run", micro, *INLINE, *options, *asha, "--name", "asha").exit_code == 0
    assert sweep("run", micro, *INLINE, *options, "--no-cache", "--name", "whole").exit_code == 0
    whole = {row["point_id"]: row["chrf"] for row in load_rows(RunFolder(out / "whole"))}
    complete = [row for row in load_rows(RunFolder(out / "asha")) if row["status"] == Status.COMPLETED]
    assert complete
    assert {row["epoch"] for row in complete} == {2}
    assert all(row["chrf"] == whole[row["point_id"]] for row in complete)


@pytest.mark.slow
def test_ray_and_inline_score_the_same(sweep: Sweep, micro: Path, out: Path) -> None:
    """Here with real losses: a learning rate at which the dev loss rises again."""
    options = ("--set", "epochs=4", "--set", "lr=0.2", "--keep-best-epoch")
    for executor in ("inline", "ray"):
        assert sweep("run", micro, "--executor", executor, *options, "--no-cache", "--name", executor).exit_code == 0
    inline, ray = (essence_of_run(out / name) for name in ("inline", "ray"))
    assert inline == ray
    assert min(row["epoch"] for row in load_rows(RunFolder(out / "inline"))) < 4
