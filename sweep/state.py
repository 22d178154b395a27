"""What a ledger says: the state of every trial, folded from its events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sweep.errors import LedgerError
from sweep.ledger import Event, read_ledger
from sweep.run_folder import RunFolder
from sweep.status import Status, check_step


@dataclass
class TrialState:
    """One trial as far as the ledger tells."""

    status: Status = Status.PENDING
    attempt: int = 0
    reason: str | None = None
    loss: str | None = None  # what a training diverged with
    epochs: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # epoch -> {"losses": ..., "cost": ...}
    started_at: str | None = None  # UTC, ISO 8601
    ended_at: str | None = None

    @property
    def known_epoch(self) -> int:
        """The last epoch of the unbroken row from the first one."""
        epoch = 0
        while epoch + 1 in self.epochs:
            epoch += 1
        return epoch


@dataclass
class RunState:
    """A run as far as the ledger tells."""

    trials: dict[str, TrialState] = field(default_factory=dict)
    scores: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # point_id -> its score, epoch, attempt, time
    cached: dict[str, Event] = field(default_factory=dict)  # point_id -> its cached event
    sessions: list[Event] = field(default_factory=list)

    def trial(self, trial_id: str) -> TrialState:
        return self.trials.setdefault(trial_id, TrialState())

    def apply(self, event: Event) -> None:
        """Take in one event. Events of an older attempt than the trial's are late messages and change nothing."""
        kind = event["event"]
        if kind == "session":
            self.sessions.append(event)
        elif kind == "cached":
            self.cached[event["point_id"]] = event
        elif event["attempt"] >= self.trial(event["trial_id"]).attempt:
            self._apply_to_trial(kind, event, self.trial(event["trial_id"]))

    def _apply_to_trial(self, kind: str, event: Event, trial: TrialState) -> None:
        if kind not in ("status", "epoch"):
            raise LedgerError(
                f"unknown event {kind!r}, line {event['seq']}: the ledger is of a newer version of this tool"
            )
        if event.get("losses"):
            trial.epochs.setdefault(event["epoch"], {"losses": event["losses"], "cost": event["cost"]})
        for score in event.get("scores", ()):
            stamp = {name: event[name] for name in ("epoch", "attempt", "time")}
            self.scores.setdefault(score["point_id"], {**score, **stamp})
        if event.get("status"):
            after = Status(event["status"])
            try:
                check_step(trial.status, after)
            except ValueError as error:
                raise LedgerError(f"the ledger contradicts itself in line {event['seq']}: {error}") from error
            trial.status, trial.attempt, trial.reason = after, event["attempt"], event.get("reason")
            trial.loss = event.get("loss")
            trial.started_at = trial.started_at or event["time"]
            trial.ended_at = None if after == Status.RUNNING else event["time"]


def fold(events: Iterable[Event]) -> RunState:
    """The state after `events`."""
    state = RunState()
    for event in events:
        state.apply(event)
    return state


def state_of(folder: RunFolder) -> RunState:
    """The run in `folder`; one that has no ledger yet has done nothing. Raises LedgerError."""
    return fold(read_ledger(folder.ledger)) if folder.ledger.exists() else RunState()
