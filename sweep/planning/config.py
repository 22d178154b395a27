"""The settings of a run: TuneConfig decides its outcome, RunLimits bounds its time, retries and disk use."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

OBJECTIVES = ("dev_loss", "metric")
KEEP = ("best+last", "last", "none", "all")
DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(trials|gpuh)")


@dataclass(frozen=True, kw_only=True)
class TuneConfig:
    """Which points are tried, and which trials continue at a rung. Fixed for the life of a run.

    `sweep.tuning.registry.check` raises SpaceError if a value is unknown or contradicts another.
    """

    search: str = "grid"  # name of a searcher
    num_samples: int | None = None  # points that the searcher samples
    seeds: int = 1  # seeds per sampled point; the points of a grid already include their seeds
    scheduler: str = "fifo"  # name of a scheduler
    grace_period: int = 1  # epochs before the first rung
    reduction_factor: int = 3  # the best 1/N continue at each rung; each rung lies N times later than the one before
    objective: str = "dev_loss"  # what searchers and rungs compare: dev_loss, or metric (the task's main metric)


@dataclass(frozen=True)
class Budget:
    """What a run may spend in all its sessions together. Exactly one of the three fields is set."""

    seconds: float | None = None
    trials: int | None = None  # trials that have started
    gpu_hours: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Return the budget in `text`: `30m`, `40trials` or `2gpuh`. Raise ValueError if it is none of these."""
        if (found := AMOUNT.fullmatch(text)) is not None:
            number, unit = found.groups()
            if unit == "gpuh":
                return cls(gpu_hours=float(number))
            return cls(trials=int(number))
        return cls(seconds=parse_duration(text))

    def __str__(self) -> str:
        if self.trials is not None:
            return f"{self.trials}trials"
        return f"{_plain(self.gpu_hours)}gpuh" if self.gpu_hours is not None else format_duration(self.seconds or 0)


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """The limits of a run. Each session may set its own: they decide how far the run gets, not its results."""

    budget: Budget | None = None
    trial_timeout: float | None = None  # seconds that a trial may train, all its attempts together
    stall_timeout: float | None = 1800.0  # seconds without a heartbeat after which a worker counts as lost
    max_failures: int = 2  # retries of a trial whose worker was lost
    keep: str = "best+last"  # which checkpoints of an ended trial to keep

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "budget": str(self.budget) if self.budget else None}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "RunLimits":
        return cls(**{**raw, "budget": Budget.parse(raw["budget"]) if raw["budget"] else None})


def parse_limits(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of RunLimits, with budgets and durations parsed if they are text, as on the command line."""
    found = dict(given)
    if isinstance(found.get("budget"), str):
        found["budget"] = Budget.parse(found["budget"])
    for name in ("trial_timeout", "stall_timeout"):
        if isinstance(found.get(name), str):
            found[name] = parse_duration(found[name])
    return found


def parse_duration(text: str) -> float:
    """Return the seconds in `90s`, `30m`, `2h` or `1d`. Raise ValueError if `text` is not a duration."""
    found = DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a duration")
    return float(found[1]) * SECONDS[found[2]]


def format_duration(seconds: float) -> str:
    """Return `seconds` as a whole number of days, hours or minutes if possible, else in seconds."""
    unit = next((u for u in ("d", "h", "m") if seconds >= SECONDS[u] and seconds % SECONDS[u] == 0), "s")
    return f"{_plain(seconds / SECONDS[unit])}{unit}"


def _plain(number: float) -> str:
    """Return `number` without an exponent or trailing zeros, the form that `Budget.parse` reads back from run.json."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
