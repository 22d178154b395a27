"""Jobs: what the driver sends to a worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.settings import Scalar
from sweep.planning.config import RunLimits
from sweep.planning.extensions import Extension, references
from sweep.planning.machine import NUMERIC_PACKAGES, worker_versions
from sweep.planning.numerics import numerics_sha256
from sweep.planning.plan import Point, Trial, group, point_from
from sweep.planning.provenance import Provenance, current_name
from sweep.planning.sources import Source
from sweep.store.failure import Failure
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, find_result
from sweep.tuning.schedulers import Scheduler


@dataclass(frozen=True, kw_only=True)
class Job:
    """A trial and how to run it, sent to a worker. Plain data, so that it can be passed to other machines."""

    trial_id: str
    points: tuple[tuple[str, Mapping[str, Scalar]], ...]  # (point_id, settings)
    base: Source  # as the driver found it; a worker refuses another one (also for the next three)
    data: Source
    numerics_sha256: str
    device: str  # of unlike GPUs all names; a worker with one of them is accepted
    # Of packages, by name; and for a trial in bf16, what it is multiplied with. A worker must have the same.
    versions: Mapping[str, str | None] = field(default_factory=dict)
    attempt: int  # counted from 1
    known_epoch: int  # the last epoch in the ledger; reports up to it are not sent again
    checkpoints: str  # folder of this trial's checkpoints
    logs: str | None = None  # folder for the stderr of workers
    threads: int
    gpu: bool
    share: float = 1.0  # of the GPU that the trial gets
    gpu_bytes: int | None = None  # the most that its allocator may take; None: its share of the GPU
    keep: str = "best+last"  # which checkpoints to keep; see sweep.store.retention
    scores_test: bool = False  # whether points are also scored on the test split
    measured: tuple[int, ...] = ()  # epochs after which the task's metric is measured for the scheduler
    extensions: Mapping[str, Extension] = field(default_factory=dict)  # those of its points, by `module:name`
    seconds_left: float | None = None  # of --trial-timeout; None: no timeout

    def __hash__(self) -> int:
        return hash((self.trial_id, self.attempt))  # unique to the job

    @property
    def trial(self) -> Trial:
        (trial,) = group(point_from(settings) for _, settings in self.points)
        return trial


class JobFactory:
    """Makes the jobs of a run. What is left of a trial follows from the run's state."""

    def __init__(self, folder: RunFolder, provenance: Provenance, limits: RunLimits, scheduler: Scheduler) -> None:
        """`provenance` is that of the run, with the present places of its bases and data."""
        self.folder = folder
        self.spec = folder.spec
        self.provenance = provenance
        self.limits = limits
        self.scheduler = scheduler

    def make(self, trial: Trial, state: RunState, seconds: float, alone: bool = False) -> Job | None:
        """Return a job for the unfinished points of `trial`, or None if there are none or its time is used up.

        `seconds` is the time that workers have spent on the trial so far; `alone`: give it a whole GPU.
        """
        known = state.trial(trial.trial_id)
        points = tuple((p.point_id, self._settings(p)) for p in trial.points if find_result(state, p) is None)
        timeout = self.limits.trial_timeout
        if not points or (known.failure == Failure.TIMEOUT and timeout is not None and known.seconds > timeout):
            return None
        provenance = self.provenance
        return Job(
            trial_id=trial.trial_id,
            points=points,
            base=provenance.base(trial.points[0]),
            data=provenance.dataset(trial.points[0]),
            numerics_sha256=numerics_sha256(),
            device=current_name(provenance.device),
            versions={
                **worker_versions(),
                **{name: provenance.versions[name] for name in NUMERIC_PACKAGES},
                **{name: provenance.versions.get(name) for name in provenance.platform_names(trial.points[0])},
            },
            attempt=known.attempt + 1,
            known_epoch=known.known_epoch,
            checkpoints=str(self.folder.checkpoints(trial.trial_id).absolute()),
            logs=str(self.folder.logs.absolute()),
            threads=self.spec.cpus_per_trial,
            gpu=self.spec.gpus_per_trial > 0,
            gpu_bytes=None if alone else self.spec.gpu_bytes,
            share=1.0 if alone else self.spec.gpus_per_trial or 1.0,
            keep=self.limits.keep,
            scores_test=self.spec.confirm is not None,
            measured=self.scheduler.levels(trial) if self.spec.tune_config.objective == "metric" else (),
            extensions={name: provenance.extensions[name] for name in references(trial.points[0]).values()},
            seconds_left=None if timeout is None else max(0.0, timeout - seconds),
        )

    def _settings(self, point: Point) -> dict[str, Scalar]:
        """Return the settings of `point` with absolute paths, because a worker may have another working folder."""
        train = self.provenance.located(point)
        found = {"base": train.base, "revision": train.revision, "data": train.data}
        if train.data_settings is not None:
            found["data.revision"] = train.data_settings.revision
        return {**point.settings, **{name: value for name, value in found.items() if value is not None}}
