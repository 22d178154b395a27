"""Suggest points of a search: at random, or by a searcher that learns from the results so far.

In a search, the values of grid axes become categories to sample from, and each combination of variant and decoding
becomes a branch. A suggestion depends only on the space and the ledger, so a resumed search continues like an
uninterrupted one. No point is suggested twice.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sweep.planning.plan import Point
from sweep.planning.search_space import Params, SearchSpace
from sweep.tuning.observations import Observation
from sweep.tuning.registry import SEARCHERS, propose_random

TRIES = 100  # proposals of known points before the remaining points are tried one by one


@dataclass(frozen=True)
class Suggestion:
    """The next points of a search: one for each milestone and seed."""

    params: Params
    points: tuple[Point, ...]


def suggest(
    space: SearchSpace, search: str, history: Sequence[Observation], seen: Collection[str]
) -> Suggestion | None:
    """Return the next suggestion of `search` (random, tpe) after `history`, or None if no point is left.

    `seen` holds the ids of points that must not be suggested again.
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
    """Return `count` suggestions of a search that does not learn, or fewer if the space has fewer points."""
    found: list[Suggestion] = []
    history: list[Observation] = []
    seen: set[str] = set()
    while len(found) < count and (suggestion := suggest(space, search, history, seen)):
        found.append(suggestion)
        history.append(Observation(suggestion.params, "RUNNING"))
        seen.add(suggestion.points[0].point_id)
    return found
