"""What a check of this machine says: one finding each."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # runs work, or some of them do
    PROBLEM = "PROBLEM"  # a run will fail, lose something, or be open to others


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    level: Level
    found: str
    remedy: str | None = None  # what to do; there is one wherever the level is not OK


def ok(name: str, found: str) -> Check:
    return Check(name, Level.OK, found)


def note(name: str, found: str, remedy: str) -> Check:
    return Check(name, Level.NOTE, found, remedy)


def problem(name: str, found: str, remedy: str) -> Check:
    return Check(name, Level.PROBLEM, found, remedy)
