"""One trial in a worker: train, score at milestones, checkpoint, report.

`run_trial` is a generator of reports; every executor consumes it in the same way. It writes only checkpoints. Each
checkpoint contains all reports so far, so that a resumed trial can repeat those that a crash kept from the ledger. It
does not assume that it owns its process: the executor sets the number of threads.
"""

import os
import time
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from model.config import TrainConfig
from model.task_specs import TASKS
from sweep.execution.job import Job
from sweep.planning.extensions import import_recorded
from sweep.planning.machine import Machine, join_devices, split_devices, this_machine
from sweep.planning.plan import Point, Trial
from sweep.planning.processor import device_name
from sweep.store import retention
from sweep.store.events import Cost, EpochEvent, Losses, Record, Score, report_fields
from sweep.store.failure import Failure, classify, is_gpu_fault
from sweep.store.heartbeat import SupersededError, hold_lease
from sweep.store.locks import LockError
from sweep.store.status import Status

if TYPE_CHECKING:
    from model.training import EpochReport, Training

CUDA_GRAPHS = "SWEEP_CUDA_GRAPHS"  # environment variable; set to 0 to train on GPUs without CUDA graphs


class ChangedError(RuntimeError):
    """The code, processor, base or data of a worker differs from those that the run started with."""


class NoGPUError(RuntimeError):
    """A worker that was given a GPU cannot use it."""


@dataclass(frozen=True, kw_only=True)
class TrialReport(Record):
    """A worker's report after each epoch. `status` is set in the last report of a trial."""

    epoch: int
    losses: Losses | None = None  # None if the epoch failed
    cost: Cost | None = None
    scores: Sequence[Score] = ()
    metric: float | None = None  # the task's main metric under the first decoding, if the scheduler needs it
    status: Status | None = None
    reason: str | None = None
    failure: Failure | None = None  # why, if FAILED
    loss: str | None = None  # the loss of a trial that diverged, as text, because JSON has no NaN
    traceback: str | None = None
    breaks_worker: bool = False  # whether the worker's process must end, because it cannot use its GPU again

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return super().from_json({**raw, **report_fields(raw)})

    def event(self, job: Job) -> EpochEvent:
        """Return the ledger event for this report."""
        fields = {name: value for name, value in vars(self).items() if name not in ("traceback", "breaks_worker")}
        return EpochEvent(trial_id=job.trial_id, attempt=job.attempt, **fields)


def run_trial(job: Job) -> Generator[TrialReport]:
    """Run a trial and yield the reports of the epochs after `job.known_epoch`.

    Never raise: an error becomes the status of the last report.
    """
    from model.errors import DivergedError

    epoch = 0
    try:
        for report in _reports(job):
            epoch = report.epoch
            if epoch > job.known_epoch or report.status:
                yield report
    except DivergedError as error:
        yield TrialReport(
            epoch=error.epoch,
            status=Status.DIVERGED,
            reason=str(error),
            loss=str(error.loss),
        )
    except (Exception, SystemExit) as error:  # a failed trial is a result; other trials continue
        yield TrialReport(
            epoch=epoch,
            status=Status.FAILED,
            reason=f"{type(error).__name__}: {error}",
            failure=Failure.WORKER_LOST
            if isinstance(error, SupersededError | NoGPUError | LockError)
            else classify(error),
            traceback=traceback.format_exc(),
            breaks_worker=isinstance(error, NoGPUError) or is_gpu_fault(error),
        )


def _reports(job: Job) -> Iterator[TrialReport]:
    """Yield every report of the trial: first those in its newest checkpoint, then new ones.

    The lease is held during each epoch but not between epochs, where a trial may wait or be stopped.
    """
    import torch

    from model.checkpoint import read_checkpoint
    from model.training import train
    from sweep.execution.usage import free_gpu_memory, limit_gpu_memory, reset_peak_memory

    import_recorded(job.extensions)
    trial, folder = job.trial, Path(job.checkpoints)
    device = torch.device("cuda" if job.gpu else "cpu")
    with hold_lease(folder, job.attempt) as beat:
        checkpoint = _resumable_checkpoint(folder, trial)
        reports = read_checkpoint(checkpoint).state["notes"] if checkpoint else []
    yield from map(TrialReport.from_json, reports)
    if reports and reports[-1].get("status"):
        return
    if job.gpu:
        _check_gpu()
        free_gpu_memory()  # of the trial before, which may have failed
        limit_gpu_memory(job.share, job.gpu_bytes)
    reset_peak_memory(device)
    config = replace(trial.config, revision=job.base.revision)
    _check_unchanged(job, config)
    epochs = train(
        config,
        checkpoint=checkpoint,
        device=device,
        on_step=lambda: beat(),
        cuda_graphs=os.environ.get(CUDA_GRAPHS) != "0",
    )
    ended = False
    while not ended:
        with hold_lease(folder, job.attempt) as beat:
            report = _next_report(job, trial, epochs, reports)
        ended = report.status is not None
        yield report


def _resumable_checkpoint(folder: Path, trial: Trial) -> Path | None:
    """Return the newest checkpoint of a trial, or None if it has to begin anew.

    It has if points are to be scored at their best epoch, but the checkpoint of that epoch is missing or damaged.
    Equal trainings have equal results, so the trial reaches the same weights again.
    """
    from model.checkpoint import is_whole, newest_checkpoint, prune, read_checkpoint

    newest = newest_checkpoint(folder)
    if newest is None or not trial.keeps_best:
        return newest
    state = read_checkpoint(newest).state
    has_ended = bool(state["notes"][-1].get("status"))
    if has_ended or is_whole(folder / str(state["best_epoch"])):
        return newest
    prune(folder, 0)
    return None


def _check_gpu() -> None:
    """Raise NoGPUError if torch sees no GPU: it would train on the CPU, under the GPU's name."""
    import torch

    if not torch.cuda.is_available():
        given = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise NoGPUError(
            f"torch {torch.__version__} of this worker sees no GPU (CUDA_VISIBLE_DEVICES is {given!r}): "
            "run `sweep doctor` on its machine"
        )


def _check_unchanged(job: Job, config: TrainConfig) -> None:
    """Raise ChangedError if this worker would compute other results than the run's provenance promises."""
    from model.process_cache import cached_base, cached_task

    machine = replace(this_machine(job.gpu), devices=[str(device_name(job.gpu))])
    if unlike := differences(machine, job):
        raise ChangedError(
            f"this worker's {unlike[0]}; start all workers from the same installation, on equal machines"
        )
    base = cached_base(config.base, config.revision)
    task = cached_task(config.task, config.data, base, config.truncate, config.data_settings)
    for what, found, wanted in (
        (f"base {config.base}", base.files.sha256, job.base.sha256),
        (f"data {config.data or config.task}", task.data_sha256, job.data.sha256),
    ):
        if found != wanted:
            raise ChangedError(f"{what} has changed since the run began, so results would not be comparable; undo that")


def differences(machine: Machine, job: Job) -> list[str]:
    """Return how a machine differs from the one that `job` was planned for, as far as results depend on it."""
    mine = {**machine.versions, **machine.platform}
    found: list[tuple[str, object, object]] = [
        ("numeric code (model/)", machine.numerics_sha256, job.numerics_sha256),
        *((f"version of {name}", mine.get(name), version) for name, version in job.versions.items()),
        *(("device", name, job.device) for name in machine.devices if name not in split_devices(job.device)),
    ]
    return [
        f"{what} differs from the one that the run was planned with ({here}, not {planned})"
        for what, here, planned in found
        if here != planned
    ]


def _next_report(job: Job, trial: Trial, epochs: "Iterator[EpochReport]", reports: list[Any]) -> TrialReport:
    """Train the next epoch, score the points that are due, and save a checkpoint with all reports so far."""
    epoch = next(epochs)
    report = _report(job, trial, epoch, _device(job, reports))
    reports.append(report.to_json())
    if not trial.is_baseline:
        ended = report.status is not None
        epoch.training.save(
            Path(job.checkpoints),
            reports,
            resumable=not ended,
            keep=retention.newest(job.keep, ended),
            spare=retention.protected_epochs(job.keep, epoch.best_epoch, scores_best=trial.keeps_best and not ended),
        )
    return report


def _device(job: Job, reports: list[Any]) -> str:
    """Return the name of the device; if earlier epochs were computed on an unlike GPU, the names of both."""
    own = str(device_name(job.gpu))
    return join_devices([own, *split_devices(reports[-1]["cost"]["device"])]) if job.gpu and reports else own


def _report(job: Job, trial: Trial, epoch: "EpochReport", device: str) -> TrialReport:
    last = epoch.early_stopped or epoch.epoch == trial.epochs
    due = [
        (point_id, point)
        for (point_id, _), point in zip(job.points, trial.points, strict=True)
        if point.epochs == epoch.epoch or (last and point.epochs > epoch.epoch)
    ]
    scores = tuple(_score(job, epoch, point_id, point) for point_id, point in due)
    complete = epoch.epoch == trial.epochs
    return TrialReport(
        epoch=epoch.epoch,
        losses=Losses.from_json(epoch.scalars()),
        cost=_cost(epoch.training, job, device),
        scores=scores,
        metric=_metric(trial, epoch) if epoch.epoch in job.measured else None,
        status=(Status.COMPLETED if complete else Status.STOPPED) if last else None,
        reason=None if complete or not last else f"patience: no better dev loss since epoch {epoch.best_epoch}",
    )


def _metric(trial: Trial, epoch: "EpochReport") -> float:
    first = trial.points[0]
    return epoch.training.evaluate(first.decode).metrics[TASKS[first.train.task].metric]


def _score(job: Job, epoch: "EpochReport", point_id: str, point: Point) -> Score:
    """Score a point on the dev split, and if the job asks for it on the test split, as test_<metric>."""
    started, training = time.perf_counter(), epoch.training
    with _scored_weights(job, epoch, point):
        evaluation = training.evaluate(point.decode)
        metrics = dict(evaluation.metrics)
        if job.scores_test:
            test = training.evaluate(point.decode, "test")
            metrics |= {f"test_{name}": value for name, value in test.metrics.items()}
    seconds = time.perf_counter() - started
    return Score(point_id=point_id, metrics=metrics, samples=evaluation.samples, decode_seconds=seconds)


def _scored_weights(job: Job, epoch: "EpochReport", point: Point) -> AbstractContextManager[None]:
    """Give the model the weights that `point` is scored with. Raise CheckpointError if they cannot be read."""
    if not point.train.keep_best_epoch or epoch.best_epoch == epoch.epoch:
        return nullcontext()
    return epoch.training.weights_of(Path(job.checkpoints) / str(epoch.best_epoch))


def _cost(training: "Training", job: Job, device: str) -> Cost:
    from sweep.execution.usage import peak_memory_bytes

    return Cost(
        trainable_params=training.trainable_params,
        total_params=training.total_params,
        optimizer_state_bytes=training.optimizer_state_bytes,
        precond_fallbacks=training.precond_fallbacks,
        peak_memory_bytes=peak_memory_bytes(training.device),
        device=device,
        threads=job.threads,
        note=training.note,
    )
