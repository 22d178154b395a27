"""The statuses of a trial and of a point, and the allowed transitions between them."""

from enum import StrEnum


class Status(StrEnum):
    """The status of a trial or point. PENDING, RUNNING and INTERRUPTED are open; the others are final."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"  # before its last epoch: by a scheduler at a rung (it may be promoted later), or by `patience`
    DIVERGED = "DIVERGED"  # a loss that is not a finite number
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    CACHED = "CACHED"  # computed by an earlier run

    @property
    def is_open(self) -> bool:
        """Return whether a session would start or continue the trial."""
        return self in (Status.PENDING, Status.RUNNING, Status.INTERRUPTED)

    @property
    def is_complete(self) -> bool:
        """Return whether the point ran its full number of epochs, so that it may be ranked."""
        return self in (Status.COMPLETED, Status.CACHED)


TERMINAL = frozenset({Status.COMPLETED, Status.STOPPED, Status.DIVERGED})
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CACHED}),
    Status.RUNNING: TERMINAL | {Status.FAILED, Status.INTERRUPTED, Status.RUNNING},  # RUNNING: retry of a lost worker
    Status.INTERRUPTED: frozenset({Status.RUNNING}),
    Status.FAILED: frozenset({Status.RUNNING}),  # retried, by this session or a resume
    Status.COMPLETED: frozenset(),
    Status.STOPPED: frozenset({Status.RUNNING}),  # promoted from its rung
    Status.DIVERGED: frozenset(),
    Status.CACHED: frozenset(),
}


def check_transition(before: Status, after: Status) -> None:
    """Raise ValueError if a trial may not change from `before` to `after`."""
    if after not in TRANSITIONS[before]:
        raise ValueError(f"a trial cannot go from {before} to {after}")
