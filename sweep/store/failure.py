"""Why trials fail, and which failures are worth another try."""

from enum import StrEnum


class Failure(StrEnum):
    """What went wrong with a trial that FAILED."""

    ERROR = "error"  # an exception: the same settings would raise it again
    OUT_OF_HOST_MEMORY = "out of memory (host)"
    OUT_OF_GPU_MEMORY = "out of memory (GPU)"
    WORKER_LOST = "worker lost"  # killed, crashed, stalled, or its machine went away
    TIMEOUT = "timeout"  # longer than --trial-timeout

    @property
    def is_retried(self) -> bool:
        """Whether the session tries again by itself. `sweep resume` tries every failed trial again."""
        return self is Failure.WORKER_LOST


def classify(error: BaseException) -> Failure:
    """The kind of an exception that a training raised."""
    if type(error).__name__ == "OutOfMemoryError":  # torch.OutOfMemoryError, told by name: torch need not be imported
        return Failure.OUT_OF_GPU_MEMORY
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # the words of torch's CPU allocator
        return Failure.OUT_OF_HOST_MEMORY
    return Failure.ERROR
