"""The states of a trial and of a point, and the one place that judges how they may follow each other."""

from enum import StrEnum


class Status(StrEnum):
    """PENDING and RUNNING are on the way; INTERRUPTED goes on when resumed; the others are ends."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"  # before its last epoch, by a scheduler (at its rung, until promoted) or by `patience`
    DIVERGED = "DIVERGED"  # a loss that is not a finite number
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    CACHED = "CACHED"  # computed by an earlier run

    @property
    def is_open(self) -> bool:
        """Whether a session would go on with it."""
        return self in (Status.PENDING, Status.RUNNING, Status.INTERRUPTED)

    @property
    def is_complete(self) -> bool:
        """Whether the result is that of the whole number of epochs, so that it may be ranked."""
        return self in (Status.COMPLETED, Status.CACHED)


TERMINAL = frozenset({Status.COMPLETED, Status.STOPPED, Status.DIVERGED})
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CACHED}),
    Status.RUNNING: TERMINAL | {Status.FAILED, Status.INTERRUPTED, Status.RUNNING},  # RUNNING: a lost worker's retry
    Status.INTERRUPTED: frozenset({Status.RUNNING}),
    Status.FAILED: frozenset({Status.RUNNING}),  # tried again by a resume
    Status.COMPLETED: frozenset(),
    Status.STOPPED: frozenset({Status.RUNNING}),  # promoted from its rung
    Status.DIVERGED: frozenset(),
    Status.CACHED: frozenset(),
}


def check_transition(before: Status, after: Status) -> None:
    """Raises ValueError when a trial may not go from `before` to `after`."""
    if after not in TRANSITIONS[before]:
        raise ValueError(f"a trial cannot go from {before} to {after}")
