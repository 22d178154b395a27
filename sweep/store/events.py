"""The contents of a ledger: one frozen dataclass for each event, and the records inside them.

This module declares everything that is stored in `ledger.jsonl`. `to_json` returns the object to write, without fields
that are None; `from_json` reads it back, also from ledgers of schema 1 and 2. Times are UTC in ISO 8601, durations are
in seconds.
"""

import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, cast

from model.settings import Scalar
from sweep.planning.config import RunLimits
from sweep.planning.plan import Point, point_from
from sweep.store.failure import Failure
from sweep.store.status import Status


@dataclass(frozen=True, kw_only=True)
class Record:
    """Base class of everything that is written as a JSON object."""

    earlier: ClassVar[Mapping[str, str]] = {}  # name of a field in older ledgers -> its current name

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able dict without the fields that are None."""
        return {
            name: _plain(value)
            for name in _names(cast(Hashable, type(self)))
            if (value := getattr(self, name)) is not None
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Return the record that `to_json` wrote. Raise KeyError or TypeError if it lacks a field."""
        known = _names(cast(Hashable, cls))
        named = {cls.earlier.get(name, name): value for name, value in raw.items()}
        return cls(**{name: value for name, value in named.items() if name in known})


@dataclass(frozen=True, kw_only=True)
class Losses(Record):
    """The numbers of a `model.EpochReport`. Losses are in nats per target; seconds and tokens count from the start."""

    earlier: ClassVar[Mapping[str, str]] = {"exhausted": "early_stopped"}

    epoch: int = 0
    train_loss: float | None = None  # None for a baseline
    dev_loss: float
    best_dev_loss: float
    best_epoch: int
    train_seconds: float
    train_tokens: int
    early_stopped: bool = False  # the dev loss has not fallen for `patience` epochs


@dataclass(frozen=True, kw_only=True)
class Cost(Record):
    """The parameters, memory and hardware of a trial, and a remark on its result."""

    trainable_params: int
    total_params: int
    optimizer_state_bytes: int | None = None
    precond_fallbacks: int | None = None  # how often SOAP kept an old basis because a decomposition failed
    peak_memory_bytes: int | None = None
    device: str | None = None
    threads: int | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Score(Record):
    """The result of scoring one point."""

    point_id: str
    metrics: Mapping[str, float]
    samples: Sequence[Mapping[str, Scalar]]  # generated texts or predictions, each with its own scores
    decode_seconds: float


@dataclass(frozen=True, kw_only=True)
class PointResult(Record):
    """Everything known about a finished point; its leaderboard row and its samples are made from this."""

    metrics: Mapping[str, float]
    samples: Sequence[Mapping[str, Scalar]] = ()
    decode_seconds: float | None = None
    epoch: int  # at which the point was scored
    losses: Losses
    cost: Cost
    attempt: int
    started_at: str | None = None
    ended_at: str | None = None
    from_run: str | None = None  # the earlier run that computed it

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return super().from_json(
            {**raw, "losses": Losses.from_json(raw["losses"]), "cost": Cost.from_json(raw["cost"])}
        )


@dataclass(frozen=True, kw_only=True)
class Event(Record):
    """One line of the ledger. The ledger sets `seq`, `time` and `elapsed` when it writes the line."""

    kind: ClassVar[str]

    seq: int = 0  # line number, counted from 1
    time: str = ""
    elapsed: float = 0.0  # seconds since the session began, by the monotonic clock


@dataclass(frozen=True, kw_only=True)
class SessionEvent(Event):
    """A session starts: a process begins to work on the run."""

    kind = "session"

    command: Sequence[str]
    limits: RunLimits = field(default_factory=RunLimits)
    places: Mapping[str, str] | None = None  # bases and data that were moved, by name: their absolute paths from now on

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "limits": self.limits.as_dict()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        limits = RunLimits.from_dict(raw["limits"]) if raw.get("limits") else RunLimits()
        return super().from_json({**raw, "limits": limits})


@dataclass(frozen=True, kw_only=True)
class StatusEvent(Event):
    """A trial changes its status without a report: it starts, is interrupted, or its worker is lost."""

    kind = "status"

    trial_id: str
    attempt: int  # counted from 1
    status: Status
    reason: str | None = None
    failure: Failure | None = None  # why, if the trial FAILED

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return super().from_json({**raw, "status": Status(raw["status"]), "failure": _failure(raw)})


@dataclass(frozen=True, kw_only=True)
class EpochEvent(Event):
    """A worker's report of one epoch, or of how its trial ended."""

    kind = "epoch"

    trial_id: str
    attempt: int
    epoch: int
    losses: Losses | None = None  # None if the epoch failed
    cost: Cost | None = None
    scores: Sequence[Score] = ()
    metric: float | None = None  # the task's main metric, if the scheduler needs it
    status: Status | None = None  # set if the trial ends at this epoch
    reason: str | None = None
    failure: Failure | None = None
    loss: str | None = None  # the loss of a trial that diverged, as text, because JSON has no NaN
    rung: int | None = None  # the epoch at which a scheduler stopped the trial

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return super().from_json({**raw, **report_fields(raw)})


@dataclass(frozen=True, kw_only=True)
class SuggestedEvent(Event):
    """The search suggests new values for its axes; they make one point for each milestone and seed."""

    kind = "suggested"

    number: int = 0
    params: Mapping[str, Any]
    points: Sequence[Mapping[str, Scalar]]  # the settings of each point, by dotted key
    variants: Sequence[str | None] | None = None  # the name of each point's variant; None: no variant has a name

    @classmethod
    def of(cls, number: int, params: Mapping[str, Any], points: Sequence[Point]) -> Self:
        """Return the event for suggestion `number`, counted from 1."""
        names = [point.variant for point in points]
        settings = [point.settings for point in points]
        return cls(number=number, params=params, points=settings, variants=names if any(names) else None)

    def resolved(self) -> list[Point]:
        """Return the points."""
        names = self.variants or [None] * len(self.points)
        return [point_from(settings, name) for settings, name in zip(self.points, names, strict=True)]


@dataclass(frozen=True, kw_only=True)
class CachedEvent(Event):
    """The result of a point is taken from an earlier run."""

    kind = "cached"

    point_id: str
    from_run: str
    record: PointResult

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        record = PointResult.from_json({**raw["record"], "from_run": raw["from_run"]})
        return super().from_json({**raw, "record": record})


@dataclass(frozen=True, kw_only=True)
class SettledEvent(Event):
    """A sequential comparison is decided. The difference is that of its two sides, in the metric's unit."""

    kind = "settled"

    decision: str  # higher, lower, equal or undecided
    pairs: int
    mean: float | None = None
    low: float | None = None  # repeated confidence interval: valid at whichever pair the comparison ended
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class ConfirmedEvent(Event):
    """The best settings of the run are being confirmed in another run, on the test split."""

    kind = "confirmed"

    run: str  # name of the other run
    settings: Sequence[str]  # ids of the settings


KINDS: dict[str, type[Event]] = {
    kind.kind: kind
    for kind in (SessionEvent, StatusEvent, EpochEvent, SuggestedEvent, CachedEvent, SettledEvent, ConfirmedEvent)
}


def report_fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a worker's report that need a type other than JSON's."""
    return {
        "losses": Losses.from_json(raw["losses"]) if raw.get("losses") else None,
        "cost": Cost.from_json(raw["cost"]) if raw.get("cost") else None,
        "scores": tuple(map(Score.from_json, raw.get("scores", ()))),
        "status": Status(raw["status"]) if raw.get("status") else None,
        "failure": _failure(raw),
    }


def _failure(raw: Mapping[str, Any]) -> Failure | None:
    return Failure(raw["failure"]) if raw.get("failure") else None


@functools.cache
def _names(kind: Hashable) -> tuple[str, ...]:
    return tuple(one.name for one in dataclasses.fields(cast(type[Record], kind)))


def _plain(value: Any) -> Any:
    """Return `value` with records as dicts and tuples as lists, ready for JSON."""
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
