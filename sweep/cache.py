"""Nothing twice: finished points of earlier runs, found by what their results depend on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.errors import UsageError
from sweep.plan import Point
from sweep.provenance import Provenance
from sweep.run_folder import RunFolder, list_runs
from sweep.state import RunState, state_of
from sweep.status import Status


@dataclass(frozen=True)
class Found:
    """A point that was computed before. `record` holds what a leaderboard row and its samples need."""

    run: str  # the run that computed it
    record: Mapping[str, Any]


def find_cached(out: Path, points: Iterable[Point], provenance: Provenance, skip: str | None) -> dict[str, Found]:
    """Points of `points` (by id) that a run under `out`, other than `skip`, has computed under equal provenance.

    Runs that cannot be read are passed over: a cache must not be in the way of a new run.
    """
    wanted = {provenance.key(point): point.point_id for point in points}
    found: dict[str, Found] = {}
    for folder in list_runs(out):
        if folder.name == skip or len(found) == len(wanted):
            continue
        try:
            earlier = _known(folder, folder.spec.provenance)
            matches = {wanted[key]: point for key, point in earlier.items() if key in wanted}
            if matches:
                state = state_of(folder)
        except UsageError:
            continue
        for point_id, point in matches.items():
            record = record_of(state, point)
            if record is not None:
                found.setdefault(point_id, Found(record.get("from_run", folder.name), record))
    return found


def _known(folder: RunFolder, provenance: Provenance) -> dict[str, Point]:
    plan = folder.spec.plan
    return {provenance.key(point): point for point in (*plan.points, *plan.baselines)}


def record_of(state: RunState, point: Point) -> dict[str, Any] | None:
    """What is known of a finished point, or None: its score and the epoch it was scored at."""
    if (cached := state.cached.get(point.point_id)) is not None:
        return dict(cached["record"], from_run=cached["from_run"])
    score = state.scores.get(point.point_id)
    trial = state.trials.get(point.trial_id)
    if score is None or trial is None or score["epoch"] != point.epochs:
        return None
    return {
        "metrics": score["metrics"],
        "samples": score["samples"],
        "decode_seconds": score["decode_seconds"],
        "epoch": score["epoch"],
        "losses": trial.epochs[score["epoch"]]["losses"],
        "cost": trial.epochs[score["epoch"]]["cost"],
        "attempt": score["attempt"],
        "started_at": trial.started_at,
        "ended_at": score["time"],
        "status": Status.COMPLETED,
    }
