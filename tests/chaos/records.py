"""Made-up events of a run, in the ledger's form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweep.store.ledger import Ledger

Made = tuple[str, dict[str, Any]]  # name of the event, its content


def records(trials: int = 7, epochs: int = 4) -> list[Made]:
    """A session, then trials: each reports its epochs and scores a point at the last. One is lost and retried."""
    made: list[Made] = [("session", {"command": ["sweep", "run", "micro"]})]
    for number in range(trials):
        name, point = f"{number:012x}", f"{number + 100:012x}"
        attempt = 1
        made.append(("status", {"trial_id": name, "attempt": attempt, "status": "RUNNING"}))
        for epoch in range(1, epochs + 1):
            if number == 1 and epoch == 3:
                lost = {"trial_id": name, "attempt": 1, "status": "FAILED", "reason": "worker lost: killed"}
                made.append(("status", lost))
                attempt = 2
                made.append(("status", {"trial_id": name, "attempt": attempt, "status": "RUNNING"}))
            content: dict[str, Any] = {
                "trial_id": name,
                "attempt": attempt,
                "epoch": epoch,
                "losses": {"train_loss": 2.5 - epoch / 8, "dev_loss": 3.0 - epoch / 8},
                "cost": {"threads": 1},
            }
            if epoch == epochs:
                score = {
                    "point_id": point,
                    "metrics": {"chrf": 40.25},
                    "samples": [{"text": "thee, \u00fc \u2019"}],
                }
                content |= {"status": "COMPLETED", "scores": [score]}
            made.append(("epoch", content))
    return made


def write_records(path: Path, made: Sequence[Made]) -> None:
    ledger = Ledger(path)
    for event, content in made:
        ledger.append(event, **content)
    ledger.close()
