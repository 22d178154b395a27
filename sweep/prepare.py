"""Turn a request into a run: check it, expand its points, and create or find the run folder.

All errors in a request are found here, before a worker starts or a file is written.
"""

import functools
import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.config import TrainConfig
from model.tasks import find_data
from sweep.errors import RunError, SourceError, SpaceError
from sweep.execution.executors import check_executor
from sweep.execution.gpu_checks import check_gpus, trial_machine
from sweep.forecast.packing import measured_memory
from sweep.planning.automatic import HasBF16
from sweep.planning.config import RunLimits, TuneConfig
from sweep.planning.long_texts import find_long_texts
from sweep.planning.machine import BF16, Machine, this_machine
from sweep.planning.overrides import parse_settings
from sweep.planning.plan import Plan, Point, make_plan
from sweep.planning.plan_checks import (
    check_comparable,
    check_distinct,
    check_objective,
    check_precisions,
    check_updates,
)
from sweep.planning.provenance import Provenance, changes, trace
from sweep.planning.ranking import ranking_metric
from sweep.planning.registry import SpaceFile, load_space, space_file
from sweep.planning.search_space import SearchSpace
from sweep.planning.sources import data_name, find_moved
from sweep.planning.space import Space, expand, notes
from sweep.store.activity import is_computed, is_unfinished
from sweep.store.cache import Cache
from sweep.store.run_folder import RUN_FILE, RunFolder, check_name, create_run
from sweep.store.run_spec import RunSpec
from sweep.store.state import known_provenance, load_state
from sweep.tuning.registry import SEARCHERS, check
from sweep.tuning.searchers import suggest_all

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """The options of `sweep run` or `sweep.run`."""

    space: str | Space  # a name, the path of a space file, or a space
    out: Path
    name: str | None = None  # None: the space's name, with a number if it is taken
    base: str | None = None  # None: the space's base, else tiny
    metric: str | None = None  # that ranks rows: a metric of the task, or dev_loss; None: the space's, else the task's
    # They override the space: "key=value" texts, or values and axes by key.
    settings: Sequence[str] | Mapping[str, Any] = ()
    tune_config: TuneConfig = field(default_factory=TuneConfig)
    limits: RunLimits = field(default_factory=RunLimits)
    executor: str = "ray"
    cpus_per_trial: int = 1
    gpus_per_trial: float | str = 0.0  # or "auto"
    address: str | None = None  # of a Ray cluster; None: this machine
    use_cache: bool = True
    command: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """A request that has been checked, and the run that it describes."""

    request: RunRequest
    file: SpaceFile
    spec: RunSpec

    @property
    def plan(self) -> Plan:
        return self.spec.plan

    def cached(self, plan: Plan) -> set[str]:
        """Return the ids of those points of `plan`, baselines included, that earlier runs have computed."""
        if not self.request.use_cache:
            return set()
        cache = Cache(self.request.out, skip=None)
        points = (*plan.points, *plan.baselines)
        return {point.point_id for point in points if cache.find(self.spec.provenance, point) is not None}

    @staticmethod
    def forward_passes(plan: Plan) -> tuple[int, int]:
        """Return the forward passes over training batches: as planned, and with a separate trial for every point."""
        named = {data_name(point): point.train for point in plan.points}
        sizes = {
            name: find_data(train.task, train.data, train.data_settings).size("train") for name, train in named.items()
        }

        def passes(config: TrainConfig, point: Point) -> int:
            steps = math.ceil(sizes[data_name(point)] / config.batch_size)
            return config.epochs * steps * (config.smart.passes if config.smart else 1)

        shared = sum(passes(trial.config, trial.points[0]) for trial in plan.trials)
        return shared, sum(passes(point.train, point) for point in plan.points)

    def open_or_create(self) -> RunFolder:
        """Return the run to work on: a new one, or one of an equal request. Log which texts are cut.

        Without the cache, a finished run of an equal request is left as it is, and a new one is made. Raise RunError if
        the run cannot be created or resumed.
        """
        for long in self.spec.long_texts:
            log.warning("%s", long)
        out, name = self.request.out, self.request.name
        if name is not None:
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
            if self._is_same(folder.spec) and self._may_continue(folder):
                return folder
        raise AssertionError("unreachable: numbers do not end")

    def _resumed(self, folder: RunFolder) -> RunFolder:
        if not self._has_same_points(folder.spec):
            raise RunError(
                f"run {folder.name!r} exists, but with another space, settings or search "
                f"({folder.spec.space}, {len(folder.spec.plan.points)} points); choose another --name"
            )
        _check_unchanged(folder.spec, self.spec.provenance)
        return folder

    def _has_same_points(self, spec: RunSpec) -> bool:
        """Return whether `spec` has the same points, by their spelling or by the content of their bases and data."""
        return spec.search_id == self.spec.search_id or spec.content_id == self.spec.content_id

    def _is_same(self, spec: RunSpec) -> bool:
        return self._has_same_points(spec) and not changes(spec.provenance, self.spec.provenance, spec.probes)

    def _may_continue(self, folder: RunFolder) -> bool:
        """Return whether the run in `folder`, with equal points, is the one to work on, given the use of the cache."""
        state = load_state(folder)
        if not self.request.use_cache:
            return not folder.spec.use_cache and is_unfinished(folder, state)
        return folder.spec.use_cache or is_computed(folder, state)


def prepare(request: RunRequest) -> PreparedRun:
    """Check `request` and plan its run. Raise SpaceError or RunError if it is invalid."""
    check(request.tune_config)
    check_executor(request.executor)
    if request.name is not None:
        check_name(request.name)
    file = load_space(request.space) if isinstance(request.space, str) else space_file(request.space)
    overrides = dict(given) if isinstance(given := request.settings, Mapping) else parse_settings(given)
    if request.base is not None:
        if "base" in {*file.space.fixed, *file.space.axes} or any("base" in v for _, v in file.space.named_variants):
            raise SpaceError(f"--base: the space {file.name!r} sets its own base; omit --base")
        overrides.setdefault("base", request.base)
    gpus = 1.0 if request.gpus_per_trial == "auto" else float(request.gpus_per_trial)
    check_gpus(gpus, request.address)
    if request.limits.budget and request.limits.budget.gpu_hours and not request.gpus_per_trial:
        raise SpaceError(
            f"--budget {request.limits.budget}: no trial uses a GPU; add --gpus-per-trial, or give a budget in minutes"
        )

    @functools.cache
    def machine() -> Machine:
        return trial_machine(gpus, request.cpus_per_trial, request.address) or this_machine(gpu=False)

    try:
        plan, space, probes = _points(file, overrides, request.tune_config, lambda: BF16 in machine().platform)
        metric = ranking_metric(request.metric or file.space.metric, [point.train.task for point in probes])
    except SpaceError as error:
        raise SpaceError(f"{file.path}: {error}") from None
    for note in notes(file.space, overrides, draws=SEARCHERS[request.tune_config.search].propose is None):
        log.warning(note)
    provenance = trace(probes, gpu=gpus > 0, threads=request.cpus_per_trial, machine=machine())
    check_distinct(plan, provenance)
    check_precisions(probes, provenance, gpu=gpus > 0)
    check_objective(probes, request.tune_config)
    check_updates(probes)
    long_texts = find_long_texts(probes)
    memory = None
    if request.gpus_per_trial == "auto":
        memory = measured_memory(Plan(tuple(probes)), provenance, request.cpus_per_trial, request.address)
        gpus = memory.share
    spec = RunSpec(
        space=file.name,
        space_sha256=file.sha256,
        about=file.about,
        plan=plan,
        provenance=provenance,
        executor=request.executor,
        cpus_per_trial=request.cpus_per_trial,
        gpus_per_trial=gpus,
        gpu_bytes=memory.limit if memory else None,
        command=list(request.command),
        created_at=datetime.now(UTC).isoformat(),
        use_cache=request.use_cache,
        tune_config=request.tune_config,
        limits=request.limits,
        long_texts=long_texts,
        search_space=space,
        metric=metric,
    )
    return PreparedRun(request=request, file=file, spec=spec)


def _points(
    file: SpaceFile, overrides: Mapping[str, Any], tune_config: TuneConfig, has_bf16: HasBF16
) -> tuple[Plan, SearchSpace | None, tuple[Point, ...]]:
    """Return the initial plan, the space that later points are sampled from (or None), and probe points.

    The probe points together use every base and data set of the run.
    """
    searcher = SEARCHERS[tune_config.search]
    if searcher.propose is None:
        plan = make_plan(expand(file.space, overrides, has_bf16), tune_config.seeds)
        return plan, None, plan.points
    space = SearchSpace.of(file.space, overrides, tune_config.seeds, has_bf16)
    if not searcher.learns:
        suggestions = suggest_all(space, tune_config.num_samples or 0, tune_config.search)
        plan = Plan(tuple(point for suggestion in suggestions for point in suggestion.points))
        return plan, None, plan.points
    if space.searches_scoring:
        raise SpaceError(
            f"--search {tune_config.search}: points that differ only in decoding or keep_best_epoch share a trial, "
            "which may end before the next is suggested; use --search random, or fix them, as --set decode.top_p=0.9"
        )
    check_comparable(space.probes(), tune_config)
    return Plan(()), space, space.probes()


def prepare_resume(
    folder: RunFolder,
    *,
    executor: str | None = None,
    address: str | None = None,
    moved: Mapping[str, Sequence[str]] | None = None,
) -> RunSpec:
    """Return the definition of the next session of the run in `folder`, on the cluster at `address` if given.

    `executor` replaces that of the run. `moved` holds new paths of its bases ("base") and data ("data"). Raise RunError
    if a base or data cannot be found, or if code, base, data, versions, device or threads have changed since the run
    began.
    """
    spec = folder.spec
    known = known_provenance(spec, load_state(folder))
    places = dict(known.places)
    try:
        places |= find_moved(spec.probes, {**known.bases, **known.data}, moved or {})
        machine = trial_machine(spec.gpus_per_trial, spec.cpus_per_trial, address)
        gpu = spec.gpus_per_trial > 0
        now = trace(spec.probes, gpu=gpu, threads=spec.cpus_per_trial, places=places, machine=machine)
    except SourceError as error:
        remedy = f"{folder.command('resume')} --set {error.setting}=PATH"
        raise RunError(f"{error}; if it was moved, say where it is now: {remedy}") from error
    _check_unchanged(spec, now)
    return replace(spec, executor=executor or spec.executor, provenance=now)


def _check_unchanged(spec: RunSpec, now: Provenance) -> None:
    if changed := changes(spec.provenance, now, spec.probes):
        raise RunError(
            f"changed since this run began: {', '.join(changed)}. New rows would not be comparable with its old ones. "
            "Undo the change, or start a new run with another --name"
        )


def _is_run(path: Path) -> bool:
    return (path / RUN_FILE).is_file()
