"""How a run is worked on: what decides its outcome (TuneConfig), and what bounds it (RunLimits)."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweep.errors import SpaceError

SCHEDULERS = ("fifo", "asha", "asha-promote")
SEARCHES = ("grid", "random", "tpe")
OBJECTIVES = ("dev_loss", "metric")
KEEP = ("best+last", "last", "none", "all")
DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(trials|gpuh)")


@dataclass(frozen=True, kw_only=True)
class TuneConfig:
    """Which points are tried, and which trainings go on. Stays the same for the life of a run."""

    search: str = "grid"  # grid: the whole space; random, tpe: `trials` points of it
    num_samples: int | None = None  # points that a search draws
    seeds: int = 1  # of each drawn point; a grid's seeds are in its plan
    scheduler: str = "fifo"  # fifo: every training to its end; asha, asha-promote: the best of each rung go on
    grace_period: int = 1  # epochs: the first rung
    reduction_factor: int = 3  # one of so many goes on, and rungs lie so many times apart
    objective: str = "dev_loss"  # what search and rungs compare: dev_loss, or metric: the task's own

    def __post_init__(self) -> None:
        """Raises SpaceError where these do not go together."""
        if self.search == "grid" and self.num_samples is not None:
            raise SpaceError(
                "--num-samples: a grid runs every point; add --search random or --search tpe, or use --budget"
            )
        if self.search != "grid" and self.num_samples is None:
            raise SpaceError(f"--search {self.search}: say how many points to draw with --num-samples N")
        if self.scheduler == "fifo" and (self.grace_period, self.reduction_factor) != (1, 3):
            raise SpaceError(
                "--grace-period, --reduction-factor: without effect under --scheduler fifo; add --scheduler asha"
            )
        if self.scheduler == "fifo" and self.search != "tpe" and self.objective != "dev_loss":
            raise SpaceError("--objective: nothing compares scores here; add --scheduler asha or --search tpe")


@dataclass(frozen=True)
class Budget:
    """What a whole run may spend, all its sessions together. One of the three is set."""

    seconds: float | None = None
    trials: int | None = None  # trainings that were begun
    gpu_hours: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """`30m`, `40trials` or `2gpuh`. Raises ValueError."""
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
    """Bounds of a run. A later session may set others: they decide how far it gets, not what comes out."""

    budget: Budget | None = None
    trial_timeout: float | None = None  # seconds that a trial may work, all its attempts together
    stall_timeout: float | None = 1800.0  # seconds without a sign of life, after which a worker is taken for lost
    max_failures: int = 2  # times that a trial is tried again after its worker was lost
    keep: str = "best+last"  # which checkpoints of an ended trial stay

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "budget": str(self.budget) if self.budget else None}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "RunLimits":
        return cls(**{**raw, "budget": Budget.parse(raw["budget"]) if raw["budget"] else None})


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `30m`, `2h` or `1d`. Raises ValueError."""
    found = DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration")
    return float(found[1]) * SECONDS[found[2]]


def format_duration(seconds: float) -> str:
    """`seconds` in the largest unit that makes a short number of it."""
    unit = next((u for u in ("d", "h", "m") if seconds >= SECONDS[u] and seconds % SECONDS[u] == 0), "s")
    return f"{_plain(seconds / SECONDS[unit])}{unit}"


def _plain(number: float) -> str:
    """`number` as a budget is written, without an exponent: run.json keeps it so."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
