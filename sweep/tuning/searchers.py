"""Points that are drawn rather than listed: at random, or by Optuna's TPE from what is known so far.

A search draws from the same space that a grid multiplies: values of grid axes become categories, each variant and
each decoding a branch of its own. What it draws next depends on nothing but the space, the number of points drawn,
and what the ledger holds, so that a resumed search goes on as an uninterrupted one would. No point comes up twice.

TPE: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011. It is asked and told: a point that
was stopped at a rung is told PRUNED with what it was stopped at, one that diverged or failed FAIL; a number that is not
finite is never told.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.planning.plan import Point
from sweep.planning.search_space import Params, SearchSpace
from sweep.tuning.observations import Observation
from sweep.tuning.tpe import _ask

if TYPE_CHECKING:
    pass

TRIES = 100  # draws that may repeat a point before what is left is looked through


@dataclass(frozen=True)
class Suggestion:
    """A point that a search wants to be tried: one for each milestone and seed."""

    params: Params
    points: tuple[Point, ...]


def suggest(
    space: SearchSpace, search: str, history: Sequence[Observation], seen: Collection[str]
) -> Suggestion | None:
    """The next point of `search` (random or tpe) after `history`; None where every point was drawn.

    `seen`: ids of points that must not come up again.
    """
    index = len(history)
    if index < len(space.first):
        params = space.placed(space.first[index], index)
        if (points := space.points(params))[0].point_id not in seen:
            return Suggestion(params, points)
    for attempt in range(TRIES):
        by_model = search == "tpe" and attempt < TRIES // 2
        params = _ask(space, history, attempt) if by_model else space.random(index, attempt)
        if (points := space.points(params))[0].point_id not in seen:
            return Suggestion(params, points)
    left = space.unseen(seen)
    return None if left is None else Suggestion(left, space.points(left))


def suggest_all(space: SearchSpace, count: int) -> list[Suggestion]:
    """`count` points at random, or all there are."""
    found: list[Suggestion] = []
    told: list[Observation] = []
    seen: set[str] = set()
    while len(found) < count and (drawn := suggest(space, "random", told, seen)):
        found.append(drawn)
        told.append(Observation(drawn.params, "RUNNING"))
        seen.add(drawn.points[0].point_id)
    return found
