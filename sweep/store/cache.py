"""The cache: finished points of earlier runs, looked up by everything that their results depend on."""

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sweep.errors import UsageError
from sweep.planning.machine import split_devices
from sweep.planning.plan import Point
from sweep.planning.provenance import Provenance
from sweep.store.events import PointResult
from sweep.store.run_folder import RunFolder, list_runs
from sweep.store.state import RunState, find_result, full_plan, load_state


class Cache:
    """The finished points of all runs under one folder. Each run is read at most once, when it is first needed.

    Runs that cannot be read are skipped: a damaged old run must not block a new one.
    """

    def __init__(self, out: Path, skip: str | None) -> None:
        """`skip` is the name of the run that uses the cache, or None."""
        self._runs = [folder for folder in list_runs(out) if folder.name != skip]
        self._states: dict[str, RunState] = {}

    @functools.cached_property
    def _places(self) -> dict[tuple[str, bool], list[tuple[RunFolder, Point]]]:
        """Return the runs and points that may hold the result for each cache key, oldest run first.

        The key includes whether the run scores the test split.
        """
        places: dict[tuple[str, bool], list[tuple[RunFolder, Point]]] = {}
        for folder in self._runs:
            try:
                spec = folder.spec
                grows = spec.search_space is not None or spec.settle is not None
                plan = full_plan(spec, self._state(folder)) if grows else spec.plan
                for point in (*plan.points, *plan.baselines):
                    if (provenance := self._provenance(folder, point)) is not None:
                        key = (provenance.key(point), spec.confirm is not None)
                        places.setdefault(key, []).append((folder, point))
            except (UsageError, KeyError):  # KeyError: its provenance lacks a base or data set of the point
                continue
        return places

    def find(self, provenance: Provenance, point: Point, *, test: bool = False) -> PointResult | None:
        """Return the result of `point` if an earlier run computed it with equal provenance, else None.

        With `test`, only runs that also scored the test split count.
        """
        for folder, known in self._candidates(provenance, point, test):
            try:
                result = find_result(self._state(folder), known)
            except UsageError:
                continue
            if result is not None:
                return replace(result, from_run=result.from_run or folder.name)
        return None

    def computed(
        self, provenance: Provenance, point: Point, *, test: bool = False
    ) -> Iterator[tuple[RunFolder, Point]]:
        """Yield the runs that computed the result of `point` themselves, with their spelling of it, oldest first.

        With `test`, only runs that also scored the test split count.
        """
        for folder, known in self._candidates(provenance, point, test):
            with contextlib.suppress(UsageError):
                result = find_result(self._state(folder), known)
                if result is not None and result.from_run is None:
                    yield folder, known

    def _candidates(self, provenance: Provenance, point: Point, test: bool) -> Iterator[tuple[RunFolder, Point]]:
        """Yield the runs that may hold the result of `point` on one of the devices of `provenance`."""
        for each in provenance.on_each_device():
            yield from self._places.get((each.key(point), test), ())

    def _provenance(self, folder: RunFolder, point: Point) -> Provenance | None:
        """Return the provenance of `point` in a run, on the device that computed it if the run has unlike ones.

        Return None if that is not known, or if it was computed on several unlike devices.
        """
        provenance = folder.spec.provenance
        devices = split_devices(provenance.device)
        if len(devices) == 1:
            return provenance
        result = find_result(self._state(folder), point)
        device = result.cost.device if result is not None else None
        return replace(provenance, device=device) if device in devices else None

    def _state(self, folder: RunFolder) -> RunState:
        if folder.name not in self._states:
            self._states[folder.name] = load_state(folder)
        return self._states[folder.name]
