"""From a command line to a run folder: which points, which run.

Everything that can be wrong is found here, before a worker starts or a file is written.
"""

import itertools
import math
import os
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.config import GROUPS, TrainConfig, alternatives, decode_keys, train_keys
from model.tasks import train_size
from sweep.axes import grid
from sweep.cache import find_cached, record_of
from sweep.errors import RunError, SpaceError
from sweep.executor import Executor, InlineExecutor
from sweep.plan import Plan, Point, make_plan
from sweep.provenance import Provenance, changes, data_name, trace
from sweep.registry import SpaceFile, load_space
from sweep.run_folder import MARK, RunFolder, RunSpec, check_name, create_run
from sweep.space import unfold
from sweep.state import state_of


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `sweep run` was asked for."""

    space: str
    out: Path
    name: str | None = None  # None: the space's name, numbered where it is taken
    base: str | None = None  # None: the space's own, else tiny
    settings: Sequence[str] = ()  # key=value
    seeds: int = 1
    executor: str = "ray"
    cpus_per_trial: int = 1
    gpus_per_trial: float = 0.0
    use_cache: bool = True
    command: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request that was checked."""

    request: Request
    file: SpaceFile
    spec: RunSpec

    @property
    def plan(self) -> Plan:
        return self.spec.plan

    def cached(self) -> int:
        """How many points earlier runs have computed."""
        if not self.request.use_cache:
            return 0
        return len(find_cached(self.request.out, self.plan.points, self.spec.provenance, skip=None))

    def forward_passes(self) -> tuple[int, int]:
        """Of all training batches together: as planned, and as they would be with a training for every point."""
        sizes = {data_name(p): train_size(p.train.task, p.train.data) for p in self.plan.points}

        def passes(config: TrainConfig, point: Point) -> int:
            steps = math.ceil(sizes[data_name(point)] / config.batch_size)
            return config.epochs * steps * (config.smart.passes if config.smart else 1)

        shared = sum(passes(trial.config, trial.points[0]) for trial in self.plan.trials)
        return shared, sum(passes(point.train, point) for point in self.plan.points)

    def folder(self) -> RunFolder:
        """The run to work on: a new one, or the one that this request began. Raises RunError."""
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
        if folder.spec.plan.plan_id != self.plan.plan_id:
            raise RunError(
                f"run {folder.name!r} exists and is of another space or other settings "
                f"({folder.spec.space}, {len(folder.spec.plan.points)} points); choose another --name"
            )
        check_unchanged(folder.spec, self.spec.provenance)
        return folder

    def _is_same(self, spec: RunSpec) -> bool:
        return (
            spec.plan.plan_id == self.plan.plan_id
            and spec.use_cache == self.spec.use_cache
            and not changes(spec.provenance, self.spec.provenance, self.plan.points)
        )

    def _is_settled(self, folder: RunFolder) -> bool:
        """Whether a new run is due: this one has computed all it can, or the cache is not wanted."""
        state = state_of(folder)
        open_points = [
            point
            for point in self.plan.points
            if record_of(state, point) is None and state.trial(point.trial_id).status.is_open
        ]
        if open_points:
            return False
        # A finished run that holds nothing of its own says already what a further one would say.
        return not self.request.use_cache or any(p.point_id not in state.cached for p in self.plan.points)


def prepare(request: Request) -> Prepared:
    """Check `request` from end to end. Raises SpaceError or RunError."""
    if request.name is not None:
        check_name(request.name)
    file = load_space(request.space)
    overrides = parse_settings(request.settings)
    if request.base is not None:
        if "base" in {*file.space.fixed, *file.space.axes} or any("base" in v for v in file.space.variants):
            raise SpaceError(f"--base: the space {file.name!r} is about bases and sets its own; leave --base out")
        overrides.setdefault("base", request.base)
    if request.gpus_per_trial and room(1, request.gpus_per_trial) < 1:
        raise SpaceError(f"--gpus-per-trial {request.gpus_per_trial:g}: this machine has no room for one such trial")
    try:
        plan = make_plan(unfold(file.space, overrides), request.seeds)
    except SpaceError as error:
        raise SpaceError(f"{file.path}: {error}") from None
    provenance = trace(plan, gpu=request.gpus_per_trial > 0, threads=request.cpus_per_trial)
    spec = RunSpec(
        space=file.name,
        space_sha256=file.sha256,
        about=file.about,
        plan=plan,
        provenance=provenance,
        executor=request.executor,
        cpus_per_trial=request.cpus_per_trial,
        gpus_per_trial=request.gpus_per_trial,
        command=list(request.command),
        created_at=datetime.now(UTC).isoformat(),
        use_cache=request.use_cache,
    )
    return Prepared(request=request, file=file, spec=spec)


def check_unchanged(spec: RunSpec, now: Provenance) -> None:
    """Raises RunError when a run would go on under other conditions than it began with."""
    if changed := changes(spec.provenance, now, spec.plan.points):
        raise RunError(
            f"this run began with another {', '.join(changed)}: its rows would not compare. Bring that back, "
            "or start a new run with another --name"
        )


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts as settings, each value by its key's type; `a,b` makes a grid. Raises SpaceError."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise SpaceError(f"--set {pair}: write key=value, for example --set epochs=1")
        values = [_parse(key, part) for part in text.split(",")]
        settings[key] = values[0] if len(values) == 1 else grid(*values)
    return settings


def make_executor(spec: RunSpec, concurrency: int | None, address: str | None) -> Executor:
    """The executor that `spec` names; `concurrency` trials at a time, by default as many as this machine holds."""
    if spec.executor == "inline":
        return InlineExecutor()
    from sweep.ray_executor import RayExecutor

    return RayExecutor(
        concurrency=concurrency if concurrency or address else max(1, room(spec.cpus_per_trial, spec.gpus_per_trial)),
        cpus_per_trial=spec.cpus_per_trial,
        gpus_per_trial=spec.gpus_per_trial,
        address=address,
    )


def room(cpus_per_trial: int, gpus_per_trial: float) -> int:
    """Trials that fit on this machine at a time: by cores, and by GPUs where trials use them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not gpus_per_trial:
        return cores // cpus_per_trial
    import torch

    return min(cores // cpus_per_trial, int(torch.cuda.device_count() / gpus_per_trial))


def _is_run(path: Path) -> bool:
    return (path / MARK).is_file()


def _parse(key: str, text: str) -> Any:
    keys: Mapping[str, Any] = {**train_keys(), **decode_keys()}
    if key in GROUPS and text.lower() == "none":
        return None
    if key not in keys:
        return text  # unfolding the space says what is wrong with the key
    kinds = alternatives(keys[key])
    if types.NoneType in kinds and text.lower() == "none":
        return None
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    return text
