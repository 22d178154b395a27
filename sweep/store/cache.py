"""Nothing twice: finished points of earlier runs, found by what their results depend on."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.errors import UsageError
from sweep.planning.plan import Point
from sweep.planning.provenance import Provenance
from sweep.store.run_folder import RunFolder, list_runs
from sweep.store.state import RunState, find_result, full_plan, load_state


@dataclass(frozen=True)
class Found:
    """A point that was computed before. `record` holds what a leaderboard row and its samples need."""

    run: str  # the run that computed it
    record: Mapping[str, Any]


class Cache:
    """The runs under one folder, by what their points' results depend on. Each run is read once, when it is needed.

    Runs that cannot be read are passed over: a cache must not be in the way of a new run.
    """

    def __init__(self, out: Path, skip: str | None) -> None:
        """`skip`: the run that asks."""
        self._runs = [folder for folder in list_runs(out) if folder.name != skip]
        self._states: dict[str, RunState] = {}

    @functools.cached_property
    def _places(self) -> dict[str, list[tuple[RunFolder, Point]]]:
        """Where each key's result may be found, the oldest run first."""
        places: dict[str, list[tuple[RunFolder, Point]]] = {}
        for folder in self._runs:
            try:
                spec = folder.spec
                plan = full_plan(spec, self._state(folder)) if spec.search_space else spec.plan
                for point in (*plan.points, *plan.baselines):
                    places.setdefault(spec.provenance.key(point), []).append((folder, point))
            except (UsageError, KeyError):  # KeyError: of a data set or base that its provenance does not know
                continue
        return places

    def find(self, provenance: Provenance, point: Point) -> Found | None:
        """The result of `point` where a run has computed it under equal provenance."""
        for folder, known in self._places.get(provenance.key(point), ()):
            try:
                record = find_result(self._state(folder), known)
            except UsageError:
                continue
            if record is not None:
                return Found(record.get("from_run", folder.name), record)
        return None

    def _state(self, folder: RunFolder) -> RunState:
        if folder.name not in self._states:
            self._states[folder.name] = load_state(folder)
        return self._states[folder.name]
