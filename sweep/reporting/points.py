"""Find a point of a run: by the first characters of its id, or as the best one."""

from collections.abc import Sequence

from sweep.errors import RunError
from sweep.planning.plan import Point
from sweep.reporting.leaderboard import Row, rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, full_plan, load_state
from sweep.store.status import Status


def no_finished_point(folder: RunFolder, found: Sequence[Row]) -> RunError:
    """Return the error of a run without a finished point: why its trials failed, or how to continue it."""
    failed = [row for row in found if row["status"] in (Status.FAILED, Status.DIVERGED)]
    if not failed or len(failed) < len(found):
        return RunError(f"run {folder.name!r} has no finished point yet: continue it with `{folder.command('resume')}`")
    return RunError(
        f"run {folder.name!r} has no finished point: all {len(failed)} failed or diverged (the first: "
        f"{failed[0].get('stop_reason')}). Tracebacks are in {folder.logs}. Remove the cause, then "
        f"`{folder.command('resume')}` tries the failed ones again"
    )


def best_row(folder: RunFolder, ranked: Sequence[Row]) -> Row:
    """Return the first of the leaderboard's rows `ranked`. Raise RunError if no point is finished."""
    if not ranked or ranked[0].get("rank") != 1:
        raise no_finished_point(folder, ranked)
    return ranked[0]


def find_point(folder: RunFolder, point_id: str | None, state: RunState | None = None) -> Point:
    """Return the point with an id that starts with `point_id`, or the best point. Raise RunError if there is none.

    `state` is that of the run, if it is known.
    """
    state = load_state(folder) if state is None else state
    wanted = str(best_row(folder, rows(folder, state))["point_id"]) if point_id is None else point_id
    plan = full_plan(folder.spec, state)
    found = [point for point in (*plan.points, *plan.baselines) if point.point_id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RunError(
            f"point {wanted!r} of run {folder.name!r} is ambiguous: {len(found)} ids start with it; give more of it"
        )
    raise RunError(f"run {folder.name!r} has no point {wanted!r}: `sweep report {folder.name} --rows` lists their ids")
