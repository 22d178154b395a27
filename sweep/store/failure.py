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


# Texts of the errors of CUDA and its libraries. An allocation that fails leaves the process usable. After any other
# error of theirs the process cannot use its GPU again, and errors may be reported by a later call than the cause.
GPU_OUT_OF_MEMORY = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
GPU_FAULTS = (
    "CUDA error",
    "CUDA driver error",
    "CUDA unknown error",
    "CUDA-capable device",
    "No CUDA GPUs are available",
    "device-side assert",
    "CUBLAS_STATUS_",
    "CUSOLVER_STATUS_",
    "CUDNN_STATUS_",
    "cuDNN error",
)


def classify(error: BaseException) -> Failure:
    """Return the kind of failure for an exception that a trial raised."""
    if _lacks_gpu_memory(error):
        return Failure.OUT_OF_GPU_MEMORY
    if is_gpu_fault(error):
        return Failure.WORKER_LOST
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # the message of torch's CPU allocator
        return Failure.OUT_OF_HOST_MEMORY
    return Failure.ERROR


def is_gpu_fault(error: BaseException) -> bool:
    """Return whether `error` is an error of the GPU after which this process cannot use it again."""
    return isinstance(error, RuntimeError) and not _lacks_gpu_memory(error) and _says(error, GPU_FAULTS)


def _lacks_gpu_memory(error: BaseException) -> bool:
    """Compare torch's own error by name, so that torch need not be imported."""
    by_type = type(error).__name__ == "OutOfMemoryError"
    return by_type or (isinstance(error, RuntimeError) and _says(error, GPU_OUT_OF_MEMORY))


def _says(error: BaseException, texts: tuple[str, ...]) -> bool:
    return any(text in str(error) for text in texts)
