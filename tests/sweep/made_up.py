"""Short-hand constructors of ledger events and leaderboard rows for tests."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sweep.planning.plan import stable_id
from sweep.reporting.leaderboard import Row
from sweep.store.events import KINDS, Event
from sweep.store.state import EpochRecord
from sweep.store.status import Status
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


def row(
    settings: Mapping[str, Any], seed: int, *, run: str = "r", status: Status = Status.COMPLETED, **scores: Any
) -> Row:
    """A leaderboard row of the sonnets with these settings and scores."""
    full = {"task": "sonnets", "base": "tiny", "epochs": 2, "optimizer": "adamw", **settings}
    return {
        "run": run,
        "point_id": stable_id({**full, "seed": seed}),
        "trial_id": stable_id({**{k: v for k, v in full.items() if not k.startswith("decode.")}, "seed": seed}),
        "status": status,
        "metric": "chrf",
        "seed": seed,
        "epochs_budget": full["epochs"],
        **{key: value for key, value in full.items() if key != "epochs"},
        "config_json": json.dumps({**full, "seed": seed}),
        **scores,
    }


def rows_of(scores: Mapping[str, Sequence[float]], key: str = "lora.rank", **more: Any) -> list[Row]:
    """Rows of settings that differ in `key`, with a chrf for each seed, a dev loss of 100 less that, and baselines."""
    return [
        row({key: _value(name)}, seed, chrf=score, dev_loss=100 - score, base_chrf=30.0, base_dev_loss=70.0, **more)
        for name, values in scores.items()
        for seed, score in enumerate(values)
    ]


def _value(text: str) -> Any:
    return int(text) if text.isdigit() else text
