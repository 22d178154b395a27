"""Short-hand constructors of ledger events for tests."""

from typing import Any

from sweep.store.events import KINDS, Event
from sweep.store.state import EpochRecord
from sweep.testing import fake_cost, fake_losses

TIME = "2026-01-01T00:00:00+00:00"


def event(kind: str, *, dev_loss: float | None = None, **content: Any) -> Event:
    """An event; with `dev_loss` it has losses and costs too."""
    if dev_loss is not None:
        losses = fake_losses(content["epoch"], dev_loss)
        content = {**content, "losses": losses.to_json(), "cost": fake_cost().to_json()}
    return KINDS[kind].from_json({"seq": 1, "time": TIME, **content})


def epoch_record(epoch: int, dev_loss: float, metric: float | None = None) -> EpochRecord:
    return EpochRecord(fake_losses(epoch, dev_loss), fake_cost(), metric)
