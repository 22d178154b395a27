"""From a command line to a run folder: which points, which run.

Everything that can be wrong is found here, before a worker starts or a file is written.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.config import TrainConfig
from model.tasks import find_data
from sweep.errors import RunError, SpaceError
from sweep.execution.resources import max_concurrent_trials
from sweep.planning.config import RunLimits, TuneConfig
from sweep.planning.overrides import parse_settings
from sweep.planning.plan import Plan, Point, make_plan
from sweep.planning.provenance import Provenance, changes, data_name, trace
from sweep.planning.registry import SpaceFile, load_space, space_file
from sweep.planning.search_space import SearchSpace
from sweep.planning.space import Space, expand
from sweep.store.cache import Cache
from sweep.store.run_folder import RUN_FILE, RunFolder, check_name, create_run
from sweep.store.run_spec import RunSpec
from sweep.store.state import find_result, full_plan, load_state, suggestions_left
from sweep.tuning.searchers import suggest_all


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What `sweep run` was asked for."""

    space: str | Space  # a name, the path of a space file, or the space itself
    out: Path
    name: str | None = None  # None: the space's name, numbered where it is taken
    base: str | None = None  # None: the space's own, else tiny
    settings: (
        Sequence[str] | Mapping[str, Any]
    ) = ()  # laid over the space: "key=value" texts, or values and axes by key
    tune_config: TuneConfig = field(default_factory=TuneConfig)
    limits: RunLimits = field(default_factory=RunLimits)
    executor: str = "ray"
    cpus_per_trial: int = 1
    gpus_per_trial: float | str = 0.0  # or auto
    address: str | None = None  # of a cluster; None: this machine
    use_cache: bool = True
    command: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """A request that was checked."""

    request: RunRequest
    file: SpaceFile
    spec: RunSpec

    @property
    def plan(self) -> Plan:
        return self.spec.plan

    def cached(self, plan: Plan) -> set[str]:
        """Ids of the points of `plan`, un-tuned bases among them, that earlier runs have computed."""
        if not self.request.use_cache:
            return set()
        cache = Cache(self.request.out, skip=None)
        points = (*plan.points, *plan.baselines)
        return {point.point_id for point in points if cache.find(self.spec.provenance, point) is not None}

    @staticmethod
    def forward_passes(plan: Plan) -> tuple[int, int]:
        """Of all training batches together: as planned, and as they would be with a training for every point."""
        named = {data_name(point): point.train for point in plan.points}
        sizes = {name: find_data(train.task, train.data).size("train") for name, train in named.items()}

        def passes(config: TrainConfig, point: Point) -> int:
            steps = math.ceil(sizes[data_name(point)] / config.batch_size)
            return config.epochs * steps * (config.smart.passes if config.smart else 1)

        shared = sum(passes(trial.config, trial.points[0]) for trial in plan.trials)
        return shared, sum(passes(point.train, point) for point in plan.points)

    def open_or_create(self) -> RunFolder:
        """Return the run to work on: a new one, or the one that an equal request began. Raise RunError."""
        out, name = self.request.out, self.request.name
        if name is not None:
            check_name(name)
            if _is_run(out / name):
                return self._resumed(RunFolder(out / name))
            return create_run(out, name, self.spec, self.file.source)
        stem = check_name(self.file.name)
        for number in itertools.count(1):
            candidate = out / (stem if number == 1 else f"{stem}-{number}")
            if not candidate.exists():
                return create_run(out, candidate.name, self.spec, self.file.source)
            if not _is_run(candidate):
                continue
            folder = RunFolder(candidate)
            if self._is_same(folder.spec) and not self._is_settled(folder):
                return folder
        raise AssertionError("unreachable: numbers do not end")

    def _resumed(self, folder: RunFolder) -> RunFolder:
        if folder.spec.search_id != self.spec.search_id:
            raise RunError(
                f"run {folder.name!r} exists and is of another space or other settings, or another search "
                f"({folder.spec.space}, {len(folder.spec.plan.points)} points); choose another --name"
            )
        check_unchanged(folder.spec, self.spec.provenance)
        return folder

    def _is_same(self, spec: RunSpec) -> bool:
        return (
            spec.search_id == self.spec.search_id
            and spec.use_cache == self.spec.use_cache
            and not changes(spec.provenance, self.spec.provenance, self.spec.probes)
        )

    def _is_settled(self, folder: RunFolder) -> bool:
        """Whether a new run is due: this one has computed all it can, or the cache is not wanted."""
        state = load_state(folder)
        plan = full_plan(folder.spec, state)
        open_points = [
            point
            for point in plan.points
            if find_result(state, point) is None and state.trial(point.trial_id).status.is_open
        ]
        if open_points or suggestions_left(folder.spec, state):
            return False
        # A finished run that holds nothing of its own says already what a further one would say.
        return not self.request.use_cache or any(p.point_id not in state.cached for p in plan.points)


def prepare(request: RunRequest) -> PreparedRun:
    """Check `request` from end to end. Raises SpaceError or RunError."""
    if request.name is not None:
        check_name(request.name)
    file = load_space(request.space) if isinstance(request.space, str) else space_file(request.space)
    settings = request.settings
    overrides = dict(settings) if isinstance(settings, Mapping) else parse_settings(settings)
    if request.base is not None:
        if "base" in {*file.space.fixed, *file.space.axes} or any("base" in v for v in file.space.variants):
            raise SpaceError(f"--base: the space {file.name!r} is about bases and sets its own; leave --base out")
        overrides.setdefault("base", request.base)
    gpus = 1.0 if request.gpus_per_trial == "auto" else float(request.gpus_per_trial)
    if gpus and not request.address and max_concurrent_trials(1, gpus) < 1:
        raise SpaceError(f"--gpus-per-trial {request.gpus_per_trial}: this machine has no room for one such trial")
    if request.limits.budget and request.limits.budget.gpu_hours and not request.gpus_per_trial:
        raise SpaceError(
            f"--budget {request.limits.budget}: no trial uses a GPU; add --gpus-per-trial, or give minutes"
        )
    try:
        plan, space, probes = _points(file, overrides, request.tune_config)
    except SpaceError as error:
        raise SpaceError(f"{file.path}: {error}") from None
    provenance = trace(probes, gpu=gpus > 0, threads=request.cpus_per_trial)
    if request.gpus_per_trial == "auto":
        gpus = _fair_share(Plan(tuple(probes)), provenance, request.cpus_per_trial)
    spec = RunSpec(
        space=file.name,
        space_sha256=file.sha256,
        about=file.about,
        plan=plan,
        provenance=provenance,
        executor=request.executor,
        cpus_per_trial=request.cpus_per_trial,
        gpus_per_trial=gpus,
        command=list(request.command),
        created_at=datetime.now(UTC).isoformat(),
        use_cache=request.use_cache,
        tune_config=request.tune_config,
        limits=request.limits,
        search_space=space,
    )
    return PreparedRun(request=request, file=file, spec=spec)


def _points(
    file: SpaceFile, overrides: Mapping[str, Any], tune_config: TuneConfig
) -> tuple[Plan, SearchSpace | None, tuple[Point, ...]]:
    """The points known beforehand, what further ones are drawn from, and points that show all that these need."""
    if tune_config.search == "grid":
        plan = make_plan(expand(file.space, overrides), tune_config.seeds)
        return plan, None, plan.points
    space = SearchSpace.of(file.space, overrides, tune_config.seeds)
    if tune_config.search == "random":
        drawn = suggest_all(space, tune_config.num_samples or 0)
        plan = Plan(tuple(point for each in drawn for point in each.points))
        return plan, None, plan.points
    if space.searches_decoding:
        raise SpaceError(
            "--search tpe: points that differ in decoding share a training, which may have ended when one is drawn; "
            "use --search random, or fix decoding by --set decode.top_p=0.9 and the like"
        )
    return Plan(()), space, space.probes()


def _fair_share(plan: Plan, provenance: Provenance, threads: int) -> float:
    """GPUs per trial so that as many as fit share one, by the memory that the heaviest trial takes over one epoch."""
    import torch

    from sweep.execution.gpus import share
    from sweep.forecast.estimate import heaviest
    from sweep.forecast.measure import measure

    point = heaviest(plan, provenance, ())
    assert point is not None, "a plan has points"
    total = torch.cuda.get_device_properties(0).total_memory
    return share(measure(point, threads, gpu=True).peak_memory_bytes, total)


def check_unchanged(spec: RunSpec, now: Provenance) -> None:
    """Raises RunError when a run would go on under other conditions than it began with."""
    if changed := changes(spec.provenance, now, spec.probes):
        raise RunError(
            f"this run began with another {', '.join(changed)}: its rows would not compare. Bring that back, "
            "or start a new run with another --name"
        )


def _is_run(path: Path) -> bool:
    return (path / RUN_FILE).is_file()
