"""The outcome of a health check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sweep.statistics.agreement import Agreement, agreement
from sweep.statistics.errors import StatisticsError

LEAST_PAIRS = 8  # for a statement on how two scores agree


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    UNKNOWN = "not checked"  # too little data
    NOTE = "note"
    PROBLEM = "PROBLEM"


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    level: Level
    text: str = ""  # what was found, and the remedy; empty if all is well


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the checks look at."""

    # Of each finished trial that is scored at its last epoch: the dev loss of the base, then of each epoch.
    curves: Sequence[Sequence[float]]
    rungs: Mapping[int, Sequence[tuple[float, float]]]  # by epoch: dev loss there and at the end, of finished trials
    examples: int | None  # dev examples of a generated or predicted split; None if unknown


def agreement_of(pairs: Sequence[tuple[float, float]]) -> Agreement | None:
    """Return how two scores of the same settings or trials agree; None if there are too few."""
    if len(pairs) < LEAST_PAIRS:
        return None
    one, other = zip(*pairs, strict=True)
    try:
        return agreement(one, other)
    except StatisticsError:
        return None
