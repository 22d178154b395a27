"""The points that a run adds while it works: those that its search samples, or the next pair of its comparison."""

from collections.abc import Collection

from sweep.store.events import SettledEvent
from sweep.store.run_spec import RunSpec
from sweep.store.state import RunState, full_plan, suggestions_left
from sweep.tuning.observations import observations
from sweep.tuning.searchers import Suggestion, suggest


def next_points(spec: RunSpec, state: RunState, unfinished: Collection[str]) -> Suggestion | SettledEvent | None:
    """Return the next points, the decision of a comparison, or None if there is nothing to add at the moment.

    `unfinished` are the ids of trials that are running or will be retried.
    """
    if not suggestions_left(spec, state):
        return None
    if spec.settle is not None:
        from sweep.tuning.settling import next_step  # its statistics take half a second to import

        return next_step(spec.settle, state, unfinished)
    assert spec.search_space is not None, "a search has a space"
    seen = {point.point_id for point in full_plan(spec, state).points}
    return suggest(spec.search_space, spec.tune_config.search, observations(state, spec.tune_config), seen)
