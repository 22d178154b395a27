"""Trials: what a worker reports, and how a trial resumes after a crash at any moment."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep.execution.job import Job
from sweep.execution.trial import TrialReport, run_trial
from sweep.planning.machine import BF16, PRODUCTS
from sweep.planning.plan import Plan, Trial
from sweep.planning.provenance import trace
from sweep.planning.sources import Source
from sweep.store.failure import Failure
from sweep.store.status import Status
from tests.pretended_gpu import pretended_gpu


def job_of(trial: Trial, folder: Path, known_epoch: int = 0) -> Job:
    found = trace(trial.points, gpu=False, threads=1)
    return Job(
        trial_id=trial.trial_id,
        points=tuple((point.point_id, point.settings) for point in trial.points),
        base=found.base(trial.points[0]),
        data=found.dataset(trial.points[0]),
        numerics_sha256=found.numerics_sha256,
        device=found.device,
        attempt=1,
        known_epoch=known_epoch,
        checkpoints=str(folder),
        threads=1,
        gpu=False,
    )


@pytest.fixture
def job(micro_plan: Plan, tmp_path: Path) -> Job:
    return job_of(micro_plan.trials[3], tmp_path / "checkpoints")


def essence(report: TrialReport) -> tuple[object, ...]:
    """A report without what differs from run to run."""
    losses = {key: value for key, value in vars(report.losses).items() if key != "train_seconds"}
    scores = [(score.point_id, score.metrics, score.samples) for score in report.scores]
    return report.epoch, losses, scores, report.status, report.reason


def test_one_report_per_epoch_scored_at_the_last(job: Job) -> None:
    first, last = run_trial(job)
    assert (first.epoch, first.status, first.scores) == (1, None, ())
    assert (last.epoch, last.status) == (2, Status.COMPLETED)
    assert [score.point_id for score in last.scores] == [job.points[0][0]]
    assert set(last.scores[0].metrics) == {"chrf", "chrf_new"}
    assert last.cost.trainable_params < last.cost.total_params
    assert last.cost.peak_memory_bytes > 0


def test_reports_survive_json(job: Job) -> None:
    import json

    for report in run_trial(job):
        assert essence(TrialReport.from_json(json.loads(json.dumps(report.to_json())))) == essence(report)


@pytest.mark.parametrize("told", [0, 1])
def test_resume_after_a_checkpoint_equals_an_uninterrupted_trial(job: Job, tmp_path: Path, told: int) -> None:
    """With `told` = 0 the crash came after the checkpoint of epoch 1 and before the ledger had its report."""
    whole = [essence(report) for report in run_trial(replace(job, checkpoints=str(tmp_path / "whole")))]
    stopped = run_trial(job)
    next(stopped)
    stopped.close()
    resumed = [essence(report) for report in run_trial(replace(job, known_epoch=told))]
    assert resumed == whole[told:]


def test_unreported_end_is_reported_without_training(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [essence(report) for report in run_trial(job)]

    def never(*arguments: object, **named: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("model.training.train", never)
    assert [essence(report) for report in run_trial(replace(job, known_epoch=1))] == whole[1:]


def test_code_of_an_extension_that_exits_fails_its_trial(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*arguments: object, **named: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr("model.training.train", leave)
    (report,) = run_trial(job)
    assert (report.status, report.reason) == (Status.FAILED, "SystemExit: 0")


def test_a_damaged_checkpoint_costs_its_epoch_only(job: Job) -> None:
    whole = [essence(report) for report in run_trial(replace(job, checkpoints=job.checkpoints + "-whole"))]
    stopped = run_trial(job)
    next(stopped)
    stopped.close()
    (Path(job.checkpoints) / "1" / "model.safetensors").write_bytes(b"damaged")
    assert [essence(report) for report in run_trial(job)] == whole


def test_shared_trial_equals_separate_trials(micro_plan: Plan, tmp_path: Path) -> None:
    """Sharing changes nothing: each shared point's result is that of the point trained alone, bit for bit."""
    point = micro_plan.points[3]
    points = [
        replace(point, train=replace(point.train, epochs=epochs), decode=replace(point.decode, top_p=top_p))
        for epochs in (1, 2)
        for top_p in (0.5, 0.9)
    ]
    shared = {
        score.point_id: score
        for report in run_trial(job_of(Trial(tuple(points)), tmp_path / "shared"))
        for score in report.scores
    }
    assert len(shared) == 4
    for point in points:
        *_, last = run_trial(job_of(Trial((point,)), tmp_path / point.point_id))
        (alone,) = last.scores
        assert (alone.metrics, alone.samples) == (shared[point.point_id].metrics, shared[point.point_id].samples)


def test_early_stopped_trial_is_scored(micro_plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([3.0, 4.0, 5.0, 6.0])
    monkeypatch.setattr("model.training.Training.dev_loss", lambda training: next(losses))
    point = micro_plan.points[0]
    point = replace(point, train=replace(point.train, epochs=4, patience=2))
    *_, last = run_trial(job_of(Trial((point,)), tmp_path / "checkpoints"))
    assert (last.epoch, last.status) == (3, Status.STOPPED)
    assert last.reason == "patience: no better dev loss since epoch 1"
    assert len(last.scores) == 1


def test_divergence_is_a_result(micro_plan: Plan, tmp_path: Path) -> None:
    point = micro_plan.points[0]
    point = replace(point, train=replace(point.train, lr=1e30))
    *_, last = run_trial(job_of(Trial((point,)), tmp_path / "checkpoints"))
    assert last.status is Status.DIVERGED
    assert last.loss in ("nan", "inf")
    assert "loss became" in str(last.reason)


def test_error_is_reported_with_its_traceback(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError("too large")

    monkeypatch.setattr("model.training.Training.evaluate", fail)
    *_, last = run_trial(job)
    assert (last.status, last.reason) == (Status.FAILED, "MemoryError: too large")
    assert "in fail" in str(last.traceback)


def test_finished_trial_keeps_weights_without_optimizer(job: Job) -> None:
    list(run_trial(job))
    kept = Path(job.checkpoints) / "2"
    assert (kept / "optimizer.safetensors").stat().st_size < 100 < (kept / "model.safetensors").stat().st_size


@pytest.mark.parametrize(("what", "name"), [("base", "base tiny"), ("data", "data")])
def test_a_file_that_has_changed_since_the_run_began_is_refused(job: Job, what: str, name: str) -> None:
    changed = replace(job, **{what: Source("0" * 64)})  # type: ignore[arg-type]
    (report,) = run_trial(changed)
    assert (report.status, report.failure) == (Status.FAILED, Failure.ERROR)
    assert report.reason is not None
    assert report.reason.startswith(f"ChangedError: {name}")
    assert "has changed since the run began" in report.reason


@pytest.mark.parametrize(
    ("what", "name"), [("numerics_sha256", "this worker's numeric code (model/)"), ("device", "this worker's device")]
)
def test_a_worker_of_another_installation_is_refused(job: Job, what: str, name: str) -> None:
    (report,) = run_trial(replace(job, **{what: "another"}))  # type: ignore[arg-type]
    assert (report.status, report.failure) == (Status.FAILED, Failure.ERROR)
    assert report.reason is not None
    assert report.reason.startswith(f"ChangedError: {name} differs from the one that the run was planned with")
    assert "not another" in report.reason


def test_a_worker_that_multiplies_large_weights_with_another_library_is_refused(job: Job) -> None:
    (report,) = run_trial(replace(job, versions={**job.versions, PRODUCTS: "made up"}))
    assert str(report.reason).startswith(
        "ChangedError: this worker's version of library for large matrix products differs"
    )


def test_a_worker_that_multiplies_bf16_otherwise_is_refused(job: Job) -> None:
    (report,) = run_trial(replace(job, versions={**job.versions, BF16: "made up"}))
    assert str(report.reason).startswith("ChangedError: this worker's version of bf16 instructions differs")


@pytest.fixture
def own_poems(poems: Path) -> Iterator[Path]:
    """The poems, to be changed: they are put back for the tests to come."""
    before = poems.read_bytes()
    yield poems
    poems.write_bytes(before)


def test_data_changed_during_a_run_are_refused(job: Job, own_poems: Path) -> None:
    reports = run_trial(job)
    next(reports)
    own_poems.write_text(own_poems.read_text() + "\n99\n\nOne more,\nand one\nmore line,\nand another.\n")
    rest = list(reports)
    assert rest[-1].status == Status.COMPLETED  # it has read them already
    (report,) = run_trial(replace(job, checkpoints=job.checkpoints + "-2"))
    assert report.status == Status.FAILED
    assert str(own_poems) in str(report.reason)


def test_a_worker_without_its_gpu_does_not_train_on_its_cpu(job: Job) -> None:
    (report,) = run_trial(replace(job, gpu=True, device="Made Up"))
    assert (report.status, report.failure, report.breaks_worker) == (Status.FAILED, Failure.WORKER_LOST, True)
    assert "of this worker sees no GPU" in str(report.reason)


@pytest.mark.parametrize(("value", "expected"), [(None, True), ("1", True), ("0", False)])
def test_the_environment_turns_cuda_graphs_off(
    job: Job, monkeypatch: pytest.MonkeyPatch, value: str | None, expected: bool
) -> None:
    from model import training

    seen = []

    def train(*arguments: Any, cuda_graphs: bool, **options: Any) -> Iterator[training.EpochReport]:
        seen.append(cuda_graphs)
        return original(*arguments, **options)

    original = training.train
    monkeypatch.setattr(training, "train", train)
    if value is not None:
        monkeypatch.setenv("SWEEP_CUDA_GRAPHS", value)
    list(run_trial(job))
    assert seen == [expected]


def test_a_worker_with_another_gpu_is_refused(job: Job) -> None:
    with pretended_gpu(["Made Up 40GB"], ["GPU-0"]):
        (report,) = run_trial(replace(job, gpu=True, device="Made Up 80GB"))
    assert (report.status, report.failure) == (Status.FAILED, Failure.ERROR)
    assert "this worker's device differs" in str(report.reason)
