"""Suggest points of a search: at random, or by a searcher that learns from the results so far.

A search samples the space that a grid multiplies: the values of grid axes become categories, each variant and each
decoding a branch of its own. A suggestion depends only on the space, the number of earlier suggestions, and the ledger,
so that a resumed search continues like an uninterrupted one. No point is suggested twice.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sweep.planning.plan import Point
from sweep.planning.search_space import Params, SearchSpace
from sweep.tuning.observations import Observation
from sweep.tuning.registry import SEARCHERS, propose_random

TRIES = 100  # proposals that may repeat a point, before the points that are left are listed


@dataclass(frozen=True)
class Suggestion:
    """What a search wants to run: one point for each milestone and seed."""

    params: Params
    points: tuple[Point, ...]


def suggest(
    space: SearchSpace, search: str, history: Sequence[Observation], seen: Collection[str]
) -> Suggestion | None:
    """Return the next point of `search` (random, tpe) after `history`, or None if every point was suggested.

    `seen`: ids of points that must not be suggested again.
    """
    index, propose = len(history), SEARCHERS[search].propose or propose_random
    if index < len(space.first):
        params = space.complete(space.first[index], index)
        if (points := space.points(params))[0].point_id not in seen:
            return Suggestion(params, points)
    for attempt in range(TRIES):
        params = (propose if attempt < TRIES // 2 else propose_random)(space, history, attempt)
        if (points := space.points(params))[0].point_id not in seen:
            return Suggestion(params, points)
    left = space.unseen(seen)
    return None if left is None else Suggestion(left, space.points(left))


def suggest_all(space: SearchSpace, count: int, search: str = "random") -> list[Suggestion]:
    """Return `count` points of a search that learns nothing, or all there are."""
    found: list[Suggestion] = []
    told: list[Observation] = []
    seen: set[str] = set()
    while len(found) < count and (drawn := suggest(space, search, told, seen)):
        found.append(drawn)
        told.append(Observation(drawn.params, "RUNNING"))
        seen.add(drawn.points[0].point_id)
    return found
