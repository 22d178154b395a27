"""What a ledger says: the state of every trial, folded from its events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sweep.errors import LedgerError
from sweep.planning.plan import Plan, Point, point_from
from sweep.store.ledger import Event, read_ledger
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec
from sweep.store.status import Status, check_transition


@dataclass
class TrialState:
    """One trial as far as the ledger tells."""

    status: Status = Status.PENDING
    attempt: int = 0
    reason: str | None = None
    failure: str | None = None  # its kind, of a FAILED trial: see sweep.store.failure
    rung: int | None = None  # the epoch at which a scheduler stopped it
    loss: str | None = None  # what a training diverged with
    epochs: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # epoch -> {"losses", "cost", "metric"}
    seconds: float = 0.0  # that workers have spent on it, up to the end of its last attempt
    began: float = 0.0  # when the attempt in progress began, in seconds of its session
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
    suggestions: list[Event] = field(default_factory=list)  # points that a search drew, in its order
    reached: dict[int, list[str]] = field(default_factory=dict)  # epoch -> trials that reached it, in order
    seconds: list[float] = field(default_factory=list)  # how long each session has worked

    def trial(self, trial_id: str) -> TrialState:
        return self.trials.setdefault(trial_id, TrialState())

    def apply(self, event: Event) -> None:
        """Take in one event. Events of an older attempt than the trial's are late messages and change nothing."""
        kind = event["event"]
        if kind == "session":
            self.sessions.append(event)
            self.seconds.append(0.0)
        elif kind == "suggested":
            self.suggestions.append(event)
        elif kind == "cached":
            self.cached[event["point_id"]] = event
        elif kind not in ("status", "epoch"):
            raise LedgerError(
                f"unknown event {kind!r}, line {event['seq']}: the ledger is of a newer version of this tool"
            )
        elif event["attempt"] >= (trial := self.trial(event["trial_id"])).attempt:
            self._take_clock(trial, event)
            self._take_results(trial, event)
            if event.get("status"):
                _take_status(trial, event)
        if self.seconds:
            self.seconds[-1] = max(self.seconds[-1], event.get("elapsed", 0.0))

    @staticmethod
    def _take_clock(trial: TrialState, event: Event) -> None:
        now = event.get("elapsed", 0.0)
        if trial.status == Status.RUNNING:
            trial.seconds += max(0.0, now - trial.began)  # below 0 where a killed session left it running
        trial.began = now

    def _take_results(self, trial: TrialState, event: Event) -> None:
        if event.get("losses") and event["epoch"] not in trial.epochs:
            trial.epochs[event["epoch"]] = {name: event.get(name) for name in ("losses", "cost", "metric")}
            self.reached.setdefault(event["epoch"], []).append(event["trial_id"])
        for score in event.get("scores", ()):
            stamp = {name: event[name] for name in ("epoch", "attempt", "time")}
            self.scores.setdefault(score["point_id"], {**score, **stamp})


def _take_status(trial: TrialState, event: Event) -> None:
    after = Status(event["status"])
    try:
        check_transition(trial.status, after)
    except ValueError as error:
        raise LedgerError(f"the ledger contradicts itself in line {event['seq']}: {error}") from error
    trial.status, trial.attempt = after, event["attempt"]
    trial.reason, trial.failure = event.get("reason"), event.get("failure")
    trial.rung, trial.loss = event.get("rung"), event.get("loss")
    trial.started_at = trial.started_at or event["time"]
    trial.ended_at = None if after == Status.RUNNING else event["time"]


def fold(events: Iterable[Event]) -> RunState:
    """The state after `events`."""
    state = RunState()
    for event in events:
        state.apply(event)
    return state


def full_plan(spec: RunSpec, state: RunState) -> Plan:
    """The points of a run: those it began with, and those that its search has drawn since."""
    drawn = [point_from(settings) for event in state.suggestions for settings in event["points"]]
    return Plan((*spec.plan.points, *drawn)) if drawn else spec.plan


def draws_left(spec: RunSpec, state: RunState) -> int:
    """Points that the run's search is yet to draw; 0 where all points were known beforehand."""
    return (spec.tune_config.num_samples or 0) - len(state.suggestions) if spec.search_space is not None else 0


def load_state(folder: RunFolder) -> RunState:
    """The run in `folder`; one that has no ledger yet has done nothing. Raises LedgerError."""
    return fold(read_ledger(folder.ledger)) if folder.ledger.exists() else RunState()


def find_result(state: RunState, point: Point) -> dict[str, Any] | None:
    """What is known of a finished point, or None: its score and the epoch it was scored at."""
    if (cached := state.cached.get(point.point_id)) is not None:
        return dict(cached["record"], from_run=cached["from_run"])
    score = state.scores.get(point.point_id)
    trial = state.trials.get(point.trial_id)
    if score is None or trial is None or score["epoch"] != point.epochs:
        return None
    return {
        "metrics": score["metrics"],
        "samples": score["samples"],
        "decode_seconds": score["decode_seconds"],
        "epoch": score["epoch"],
        "losses": trial.epochs[score["epoch"]]["losses"],
        "cost": trial.epochs[score["epoch"]]["cost"],
        "attempt": score["attempt"],
        "started_at": trial.started_at,
        "ended_at": score["time"],
        "status": Status.COMPLETED,
    }
