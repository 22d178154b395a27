"""Folding a ledger: late messages, repeated epochs, unknown events."""

from typing import Any

import pytest

from sweep.errors import LedgerError
from sweep.state import fold
from sweep.status import Status


def event(kind: str, attempt: int = 1, **content: Any) -> dict[str, Any]:
    return {
        "seq": 1,
        "time": "2026-01-01T00:00:00+00:00",
        "event": kind,
        "trial_id": "t",
        "attempt": attempt,
        **content,
    }


RUNNING = event("status", status="RUNNING")


def epoch(number: int, attempt: int = 1, loss: float = 1.0, **content: Any) -> dict[str, Any]:
    return event("epoch", attempt, epoch=number, losses={"dev_loss": loss}, cost={}, **content)


def test_a_trial_runs_and_completes() -> None:
    score = {"point_id": "p", "metrics": {"chrf": 40.0}, "samples": [], "decode_seconds": 0.1}
    state = fold([RUNNING, epoch(1), epoch(2, status="COMPLETED", scores=[score])])
    assert state.trials["t"].status is Status.COMPLETED
    assert state.trials["t"].known_epoch == 2
    assert state.scores["p"]["epoch"] == 2


def test_the_message_of_an_older_attempt_changes_nothing() -> None:
    again = event("status", 2, status="RUNNING")
    state = fold([RUNNING, epoch(1), event("status", status="FAILED"), again, epoch(2, attempt=1, status="COMPLETED")])
    assert state.trials["t"].status is Status.RUNNING
    assert state.trials["t"].known_epoch == 1


def test_an_epoch_told_twice_keeps_its_first_telling() -> None:
    state = fold([RUNNING, epoch(1, loss=1.0), epoch(1, loss=9.0)])
    assert state.trials["t"].epochs[1]["losses"]["dev_loss"] == 1.0


def test_the_known_epoch_is_the_end_of_the_unbroken_row() -> None:
    assert fold([RUNNING, epoch(1), epoch(2), epoch(4)]).trials["t"].known_epoch == 2


def test_an_illegal_step_is_refused() -> None:
    with pytest.raises(LedgerError, match="line 1: a trial cannot go from COMPLETED to RUNNING"):
        fold([RUNNING, epoch(1, status="COMPLETED"), RUNNING])


def test_an_event_of_a_newer_version_is_named() -> None:
    with pytest.raises(LedgerError, match="unknown event 'rung'"):
        fold([event("rung")])
