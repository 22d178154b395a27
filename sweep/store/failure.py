"""The kinds of failure of a trial, and which of them are retried."""

from enum import StrEnum


class Failure(StrEnum):
    """Why a trial FAILED."""

    ERROR = "error"  # an exception, which the same settings would raise again
    OUT_OF_HOST_MEMORY = "out of memory (host)"
    OUT_OF_GPU_MEMORY = "out of memory (GPU)"
    WORKER_LOST = "worker lost"  # killed, crashed, stalled, or on a machine that is gone
    TIMEOUT = "timeout"  # the trial took longer than --trial-timeout

    @property
    def is_retried(self) -> bool:
        """Return whether the session retries the trial. (`sweep resume` retries every failed trial.)"""
        return self is Failure.WORKER_LOST


def classify(error: BaseException) -> Failure:
    """Return the kind of failure for an exception that a trial raised."""
    if type(error).__name__ == "OutOfMemoryError":  # torch's; compared by name, so that torch need not be imported
        return Failure.OUT_OF_GPU_MEMORY
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # the message of torch's CPU allocator
        return Failure.OUT_OF_HOST_MEMORY
    return Failure.ERROR
