"""The estimated time left, with a separate speed for each kind of trial."""

import pytest

from model.config import TrainConfig
from sweep.planning.plan import Point, Trial
from sweep.progress.eta import Pace, pace, passes, seconds_left
from sweep.store.state import RunState, TrialState
from tests.sweep.made_up import epoch_record

PLAIN = TrainConfig(epochs=4)
LORA = TrainConfig(epochs=4, lora={"rank": 2})  # type: ignore[arg-type]
SMART = TrainConfig(epochs=4, smart={"lam": 1.0, "steps": 2})  # type: ignore[arg-type]


def trial(config: TrainConfig) -> Trial:
    return Trial((Point(config, None),))


def state_with(*measured: tuple[TrainConfig, int, float]) -> RunState:
    """A state in which trials of these configurations have finished epochs, in so many seconds."""
    state = RunState()
    for config, epochs, seconds in measured:
        known = {epoch: epoch_record(epoch, 3.0) for epoch in range(1, epochs + 1)}
        state.trials[trial(config).trial_id] = TrialState(seconds=seconds, epochs=known)
    return state


def test_there_is_no_pace_before_an_epoch_is_done() -> None:
    assert pace([trial(PLAIN)], RunState()) is None


def test_a_measured_kind_has_its_own_pace() -> None:
    known = pace([trial(PLAIN), trial(LORA)], state_with((PLAIN, 4, 40.0), (LORA, 2, 6.0)))
    assert known is not None
    assert known.seconds_per_epoch(PLAIN) == 10
    assert known.seconds_per_epoch(LORA) == 3
    assert known.seconds_per_epoch(TrainConfig(epochs=9, seed=3, lr=0.5)) == 10  # neither changes the time of an epoch


def test_unmeasured_methods_scale_with_forward_passes() -> None:
    known = pace([trial(PLAIN), trial(SMART)], state_with((PLAIN, 4, 40.0)))
    assert passes(SMART) == 4
    assert known is not None
    assert known.seconds_per_epoch(SMART) == 40


@pytest.mark.parametrize(("workers", "seconds"), [(1, 70.0), (2, 40.0), (8, 40.0)])
def test_workers_share_the_work_but_not_a_trial(workers: int, seconds: float) -> None:
    known = Pace({}, 10.0)
    assert seconds_left([(PLAIN, 4), (PLAIN, 3)], known, workers) == seconds


def test_nothing_left_takes_no_time() -> None:
    assert seconds_left([], Pace({}, 10.0), 2) == 0
