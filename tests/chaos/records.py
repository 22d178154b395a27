"""Made-up ledger events."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweep.store.events import Event
from sweep.store.ledger import Ledger
from tests.sweep.made_up import event


def records(trials: int = 7, epochs: int = 4) -> list[Event]:
    """A session, then trials: each reports its epochs and scores a point at the last. One is lost and retried."""
    made: list[Event] = [event("session", command=["sweep", "run", "micro"])]
    for number in range(trials):
        name, point = f"{number:012x}", f"{number + 100:012x}"
        attempt = 1
        made.append(event("status", trial_id=name, attempt=attempt, status="RUNNING"))
        for epoch in range(1, epochs + 1):
            if number == 1 and epoch == 3:
                lost = event("status", trial_id=name, attempt=1, status="FAILED", reason="worker lost: killed")
                made.append(lost)
                attempt = 2
                made.append(event("status", trial_id=name, attempt=attempt, status="RUNNING"))
            more: dict[str, Any] = {}
            if epoch == epochs:
                samples = [{"text": "thee, \u00fc \u2019"}]
                score = {"point_id": point, "metrics": {"chrf": 40.25}, "samples": samples, "decode_seconds": 0.5}
                more = {"status": "COMPLETED", "scores": [score]}
            loss = 3.0 - epoch / 8
            made.append(event("epoch", trial_id=name, attempt=attempt, epoch=epoch, dev_loss=loss, **more))
    return made


def write_records(path: Path, made: Sequence[Event]) -> None:
    ledger = Ledger(path)
    for one in made:
        ledger.append(one)
    ledger.close()
