"""The time left: each kind of trial at its own pace."""

import pytest

from model.config import TrainConfig
from sweep.planning.plan import Point, Trial
from sweep.reporting.eta import Pace, pace, passes, seconds_left
from sweep.store.events import Cost, Losses
from sweep.store.state import EpochRecord, RunState, TrialState

PLAIN = TrainConfig(epochs=4)
LORA = TrainConfig(epochs=4, lora={"rank": 2})  # type: ignore[arg-type]
SMART = TrainConfig(epochs=4, smart={"lam": 1.0, "steps": 2})  # type: ignore[arg-type]


def trial(config: TrainConfig) -> Trial:
    return Trial((Point(config, None),))


def state_with(*measured: tuple[TrainConfig, int, float]) -> RunState:
    """A state in which trials of these configurations have finished epochs, in so many seconds."""
    state = RunState()
    for config, epochs, seconds in measured:
        losses = Losses(dev_loss=4.0, best_dev_loss=4.0, best_epoch=1, train_seconds=1.0, train_tokens=1)
        record = EpochRecord(losses, Cost(trainable_params=1, total_params=1))
        done = dict.fromkeys(range(1, epochs + 1), record)
        state.trials[trial(config).trial_id] = TrialState(seconds=seconds, epochs=done)
    return state


def test_there_is_no_pace_before_an_epoch_is_done() -> None:
    assert pace([trial(PLAIN)], RunState()) is None


def test_a_measured_kind_has_its_own_pace() -> None:
    known = pace([trial(PLAIN), trial(LORA)], state_with((PLAIN, 4, 40.0), (LORA, 2, 6.0)))
    assert known is not None
    assert known.seconds_per_epoch(PLAIN) == 10
    assert known.seconds_per_epoch(LORA) == 3
    assert known.seconds_per_epoch(TrainConfig(epochs=9, seed=3, lr=0.5)) == 10  # neither changes the time of an epoch


def test_an_unmeasured_kind_is_weighed_by_its_forward_passes() -> None:
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
