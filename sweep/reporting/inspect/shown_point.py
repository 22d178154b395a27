"""A point of a run with everything that the run's ledger knows of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.planning.plan import Point
from sweep.reporting.leaderboard import Row, point_row, rows, samples_of
from sweep.reporting.points import find_point
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state

Sample = Mapping[str, Any]  # see the task's `evaluate`


@dataclass(frozen=True)
class ShownPoint:
    """A point, its row of the leaderboard, and the run that it is from."""

    folder: RunFolder
    state: RunState
    rows: Sequence[Row]  # of the whole run, as ranked
    point: Point
    row: Row

    @property
    def name(self) -> str:
        return f"point {self.point.point_id} of {self.folder.name}"

    @property
    def samples(self) -> Sequence[Sample]:
        return samples_of(self.state, self.point)


def open_points(folder: RunFolder, ids: Sequence[str | None]) -> list[ShownPoint]:
    """Return the points whose ids begin with `ids`; None stands for the best point. Raise RunError if one is unknown.

    A baseline is a point, too, but is not ranked.
    """
    state = load_state(folder)
    ranked = rows(folder, state)
    by_id = {row["point_id"]: row for row in ranked}
    points = [find_point(folder, wanted, state) for wanted in ids]
    return [
        ShownPoint(folder, state, ranked, point, by_id.get(point.point_id) or point_row(folder, state, point))
        for point in points
    ]
