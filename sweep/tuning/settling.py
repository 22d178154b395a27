"""Add paired seeds to a comparison until it is decided.

The pairs are replayed in the order of their seeds, so neither the order in which they finished nor a restart changes a
decision. The first three pairs run together; after that, one pair at a time.
"""

import math
from collections.abc import Collection

from sweep.planning.follow_up import SettleConfig
from sweep.planning.plan import Point
from sweep.statistics.sequential import FIRST_LOOK, Decision, Settled, repeated_interval, settle
from sweep.store.events import SettledEvent
from sweep.store.state import RunState, find_result
from sweep.tuning.searchers import Suggestion

Pair = tuple[float, float]  # NaN for a side whose trial diverged or failed


def next_step(config: SettleConfig, state: RunState, unfinished: Collection[str]) -> Suggestion | SettledEvent | None:
    """Return the next pair of points, the decision, or None while a pair is unfinished.

    `unfinished` are the ids of trials that are running or will be retried.
    """
    count = len(state.suggestions)
    found = [_pair(config, state, place, unfinished) for place in range(count)]
    known: list[Pair] = []
    for pair in found:
        if pair is None:
            break
        known.append(pair)
    decided = decide(config, known)
    if decided.decision != Decision.OPEN:
        return _event(config, decided, known)
    if count < FIRST_LOOK or len(known) == count:
        return Suggestion({"seed": config.first_seed + count}, config.points(count))
    return None


def decide(config: SettleConfig, pairs: Collection[Pair]) -> Settled:
    """Return what finished pairs decide.

    A decision stands only if it is the same when lost seeds are dropped and when they count as the worst score so far.
    """
    dropped, worst = (_replay(config, list(pairs), drop=drop) for drop in (True, False))
    if dropped.decision == worst.decision != Decision.OPEN:
        return Settled(decision=dropped.decision, pairs=max(dropped.pairs, worst.pairs))
    is_over = len(pairs) >= config.max_seeds
    return Settled(decision=Decision.UNDECIDED if is_over else Decision.OPEN, pairs=len(pairs))


def _replay(config: SettleConfig, pairs: list[Pair], *, drop: bool) -> Settled:
    scores = [score for pair in pairs for score in pair if not math.isnan(score)]
    worst = (min if config.larger_is_better else max)(scores, default=0.0)
    kept = [pair for pair in pairs if not (drop and any(map(math.isnan, pair)))]
    filled = [tuple(worst if math.isnan(score) else score for score in pair) for pair in kept]
    return settle([one - other for one, other in filled], config.max_seeds, config.alpha, config.margin)


def _pair(config: SettleConfig, state: RunState, place: int, unfinished: Collection[str]) -> Pair | None:
    """Return the scores of a pair, or None if one of its trials is unfinished."""
    one, other = (_score(config, state, point, unfinished) for point in config.points(place))
    return None if one is None or other is None else (one, other)


def _score(config: SettleConfig, state: RunState, point: Point, unfinished: Collection[str]) -> float | None:
    result = find_result(state, point)
    if result is not None:
        score = result.losses.dev_loss if config.metric == "dev_loss" else result.metrics[config.metric]
        return score if math.isfinite(score) else math.nan
    trial = state.trial(point.trial_id)
    return None if trial.status.is_open or point.trial_id in unfinished else math.nan


def _event(config: SettleConfig, decided: Settled, pairs: list[Pair]) -> SettledEvent:
    decision = Decision.UNDECIDED if decided.decision == Decision.OPEN else decided.decision
    d = [one - other for one, other in pairs[: decided.pairs] if not (math.isnan(one) or math.isnan(other))]
    mean, low, high = repeated_interval(d, config.max_seeds, config.alpha) if len(d) >= FIRST_LOOK else (None,) * 3
    return SettledEvent(decision=decision, pairs=decided.pairs, mean=mean, low=low, high=high)
