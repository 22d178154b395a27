"""Ledger events: reading returns what was written, and older ledgers are readable."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from sweep.planning.config import Budget, RunLimits
from sweep.store.events import (
    KINDS,
    CachedEvent,
    ConfirmedEvent,
    EpochEvent,
    Event,
    Losses,
    PointResult,
    Score,
    SessionEvent,
    SettledEvent,
    StatusEvent,
    SuggestedEvent,
)
from sweep.store.failure import Failure
from sweep.store.ledger import read_ledger
from sweep.store.status import Status
from sweep.testing import fake_cost, fake_losses

SCORE = Score(point_id="p", metrics={"chrf": 40.0}, samples=({"prompt": "a", "chrf": 1.5},), decode_seconds=0.1)
RESULT = PointResult(
    metrics={"chrf": 40.0},
    samples=({"prompt": "a"},),
    decode_seconds=0.5,
    epoch=2,
    losses=fake_losses(2, 3.0),
    cost=fake_cost(),
    attempt=1,
    started_at="2026-01-01T00:00:00+00:00",
    from_run="earlier",
)
EVENTS: list[Event] = [
    SessionEvent(command=["sweep", "run"], limits=RunLimits(budget=Budget.parse("2gpuh"), keep="all")),
    StatusEvent(trial_id="t", attempt=2, status=Status.FAILED, reason="killed", failure=Failure.WORKER_LOST),
    EpochEvent(trial_id="t", attempt=1, epoch=2, losses=fake_losses(2, 3.0), cost=fake_cost(), scores=(SCORE,)),
    EpochEvent(trial_id="t", attempt=1, epoch=3, status=Status.DIVERGED, reason="nan", loss="nan"),
    EpochEvent(trial_id="t", attempt=1, epoch=1, metric=41.5, status=Status.STOPPED, rung=1),
    SuggestedEvent(number=1, params={"lr": 0.1, "branch": 0}, points=[{"task": "sonnets", "lr": 0.1}]),
    SuggestedEvent(number=2, params={}, points=[{"task": "sonnets"}] * 2, variants=["LoRA", None]),
    CachedEvent(point_id="p", from_run="earlier", record=RESULT),
    SettledEvent(decision="higher", pairs=5, mean=1.5, low=0.5, high=2.5),
    ConfirmedEvent(run="lora_rank-confirm", settings=["s"]),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_survives_json(event: Event) -> None:
    stamped = dataclasses.replace(event, seq=7, time="2026-01-01T00:00:00+00:00", elapsed=1.5)
    raw = json.loads(json.dumps(stamped.to_json()))
    assert KINDS[event.kind].from_json(raw).to_json() == stamped.to_json()


def test_every_kind_is_tried() -> None:
    assert {event.kind for event in EVENTS} == set(KINDS)


def test_nothing_that_is_none_is_written() -> None:
    assert set(EVENTS[1].to_json()) == {"seq", "time", "elapsed", "trial_id", "attempt", "status", "reason", "failure"}


def test_a_name_of_an_older_ledger_is_read() -> None:
    raw: dict[str, Any] = {**fake_losses(2, 3.0).to_json(), "exhausted": True}
    raw.pop("early_stopped")
    assert Losses.from_json(raw).early_stopped


def test_a_missing_field_is_an_error() -> None:
    with pytest.raises(TypeError, match="trial_id"):
        StatusEvent.from_json({"attempt": 1, "status": "RUNNING"})


@pytest.mark.parametrize("ledger", sorted(Path(__file__).parents[3].glob("results/reference/*/ledger.jsonl")), ids=str)
def test_ledgers_of_earlier_versions_are_read(ledger: Path) -> None:
    events = list(read_ledger(ledger))
    assert isinstance(events[0], SessionEvent)
    assert any(isinstance(event, EpochEvent) and event.scores for event in events)
