"""The state computed from a ledger: late messages, repeated epochs, unknown events."""

from dataclasses import replace
from typing import Any

import pytest

from sweep.errors import LedgerError
from sweep.store.events import Event
from sweep.store.state import fold
from sweep.store.status import Status
from tests.sweep.made_up import event


def trial_event(kind: str, attempt: int = 1, **content: Any) -> Event:
    return event(kind, **{"trial_id": "t", "attempt": attempt, **content})


RUNNING = trial_event("status", status="RUNNING")


def epoch(number: int, attempt: int = 1, loss: float = 1.0, **content: Any) -> Event:
    return trial_event("epoch", attempt, epoch=number, dev_loss=loss, **content)


def test_a_trial_runs_and_completes() -> None:
    score = {"point_id": "p", "metrics": {"chrf": 40.0}, "samples": [], "decode_seconds": 0.1}
    state = fold([RUNNING, epoch(1), epoch(2, status="COMPLETED", scores=[score])])
    assert state.trials["t"].status is Status.COMPLETED
    assert state.trials["t"].known_epoch == 2
    assert state.scores["p"].epoch == 2


def test_the_message_of_an_older_attempt_changes_nothing() -> None:
    again = trial_event("status", 2, status="RUNNING")
    state = fold(
        [RUNNING, epoch(1), trial_event("status", status="FAILED"), again, epoch(2, attempt=1, status="COMPLETED")]
    )
    assert state.trials["t"].status is Status.RUNNING
    assert state.trials["t"].known_epoch == 1


def test_repeated_epoch_keeps_the_first_report() -> None:
    state = fold([RUNNING, epoch(1, loss=1.0), epoch(1, loss=9.0)])
    assert state.trials["t"].epochs[1].losses.dev_loss == 1.0


def test_the_known_epoch_is_the_end_of_the_unbroken_row() -> None:
    assert fold([RUNNING, epoch(1), epoch(2), epoch(4)]).trials["t"].known_epoch == 2


def test_an_illegal_step_is_refused() -> None:
    with pytest.raises(LedgerError, match="line 1: a trial cannot go from COMPLETED to RUNNING"):
        fold([RUNNING, epoch(1, status="COMPLETED"), RUNNING])


def test_reached_epochs_keep_ledger_order_without_duplicates() -> None:
    other = {"trial_id": "u"}
    state = fold(
        [
            RUNNING,
            replace(RUNNING, **other),
            replace(epoch(1), **other),
            epoch(1),
            epoch(1),  # told again
            epoch(2, attempt=0),  # of an older attempt
            epoch(2),
        ]
    )
    assert state.reached == {1: ["u", "t"], 2: ["t"]}


def test_a_diverged_epoch_is_not_reached() -> None:
    lost = trial_event("epoch", epoch=2, status="DIVERGED", loss="nan")
    state = fold([RUNNING, epoch(1), lost])
    assert state.reached == {1: ["t"]}
    assert (state.trials["t"].loss, state.trials["t"].known_epoch) == ("nan", 1)


def test_a_rung_is_left_when_a_trial_is_promoted() -> None:
    state = fold([RUNNING, epoch(1, status="STOPPED", rung=1, reason="asha")])
    assert (state.trials["t"].status, state.trials["t"].rung) == (Status.STOPPED, 1)
    state.apply(trial_event("status", 2, status="RUNNING"))
    assert (state.trials["t"].status, state.trials["t"].rung, state.trials["t"].reason) == (Status.RUNNING, None, None)
    state.apply(epoch(2, 2))
    assert state.trials["t"].known_epoch == 2


def test_the_metric_of_an_epoch_is_kept() -> None:
    state = fold([RUNNING, epoch(1, metric=41.0), epoch(2)])
    assert [state.trials["t"].epochs[number].metric for number in (1, 2)] == [41.0, None]


def test_suggestions_are_kept_in_their_order() -> None:
    drawn = [event("suggested", number=n, params={}, points=[]) for n in (1, 2)]
    assert fold(drawn).suggestions == drawn


def at(seconds: float, told: Event) -> Event:
    return replace(told, elapsed=seconds)


def test_seconds_of_sessions_and_of_trials() -> None:
    session = event("session", command=[])
    failed = trial_event("status", status="FAILED", failure="worker lost")
    again = trial_event("status", 2, status="RUNNING")
    first = [at(0, session), at(2, RUNNING), at(5, epoch(1)), at(9, failed)]
    state = fold(first)
    assert (state.seconds, state.trials["t"].seconds) == ([9], 7)
    assert (state.trials["t"].failure, state.trials["t"].attempt) == ("worker lost", 1)
    second = [at(0, session), at(1, again), at(4, epoch(2, 2, status="COMPLETED"))]
    state = fold([*first, *second])
    assert (state.seconds, state.trials["t"].seconds) == ([9, 4], 10)
    assert state.trials["t"].failure is None


def test_ledgers_without_a_clock_are_read() -> None:
    state = fold([event("session", command=[]), RUNNING, epoch(1, status="COMPLETED")])
    assert (state.seconds, state.trials["t"].seconds) == ([0.0], 0.0)


def test_queries_insert_nothing() -> None:
    state = fold([])
    assert state.trial("t").status is Status.PENDING
    assert state.trials == {}
