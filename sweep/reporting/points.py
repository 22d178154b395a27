"""Find a point of a run by the first characters of its id, or find the best one."""

from collections.abc import Sequence

from sweep.errors import RunError
from sweep.planning.plan import Point
from sweep.reporting.leaderboard import Row, rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, full_plan, load_state
from sweep.store.status import Status


def no_finished_point(folder: RunFolder, found: Sequence[Row]) -> RunError:
    """Return the error for a run without a finished point: it says why all failed, or how to continue the run."""
    failed = [row for row in found if row["status"] in (Status.FAILED, Status.DIVERGED)]
    if not failed or len(failed) < len(found):
        return RunError(f"run {folder.name!r} has no finished point yet: continue it with `{folder.command('resume')}`")
    said = f"run {folder.name!r} has no finished point: all {len(failed)} failed or diverged (the first: "
    said += f"{failed[0].get('stop_reason')}). "
    if any(row["status"] == Status.FAILED for row in failed):
        again = f"Remove the cause, then `{folder.command('resume')}` retries those that failed"
        return RunError(f"{said}Tracebacks are in {folder.logs}. {again}")
    return RunError(f"{said}They would diverge again: start a new run with other settings, such as a smaller lr")


def best_row(folder: RunFolder, ranked: Sequence[Row]) -> Row:
    """Return the best row of the leaderboard `ranked`. Raise RunError if no point is finished."""
    if not ranked or ranked[0].get("rank") != 1:
        raise no_finished_point(folder, ranked)
    return ranked[0]


def find_point(folder: RunFolder, point_id: str | None, state: RunState | None = None) -> Point:
    """Return the point whose id starts with `point_id`, or the best point if it is None.

    Pass the run's `state` if it is already loaded. Raise RunError unless exactly one point is found.
    """
    state = load_state(folder) if state is None else state
    wanted = str(best_row(folder, rows(folder, state))["point_id"]) if point_id is None else point_id
    plan = full_plan(folder.spec, state)
    found = [point for point in (*plan.points, *plan.baselines) if point.point_id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RunError(
            f"point {wanted!r} of run {folder.name!r} is ambiguous: {len(found)} ids start with it; give a longer one"
        )
    raise RunError(f"run {folder.name!r} has no point {wanted!r}: `sweep report {folder.name} --rows` lists the ids")
