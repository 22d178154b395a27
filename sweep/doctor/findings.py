"""The findings of `sweep doctor`, one for each check."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # all or some runs work
    PROBLEM = "PROBLEM"  # runs will fail, lose data, or be open to other users


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    level: Level
    found: str
    remedy: str | None = None  # what to do; None only if the level is OK


def ok(name: str, found: str) -> Check:
    return Check(name, Level.OK, found)


def note(name: str, found: str, remedy: str) -> Check:
    return Check(name, Level.NOTE, found, remedy)


def problem(name: str, found: str, remedy: str) -> Check:
    return Check(name, Level.PROBLEM, found, remedy)
