"""Threads and memory of the process that runs a trial."""

import contextlib
import gc
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

CLEAR_REFS = Path("/proc/self/clear_refs")  # Linux: writing 5 resets the peak of the resident set
STATUS = Path("/proc/self/status")


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads in this block.

    Their number decides how sums are split, hence the last bits of results.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def reset_peak_memory(device: torch.device) -> None:
    """Start a new measurement of the peak memory, if the system supports it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):
            CLEAR_REFS.write_text("5")


def limit_gpu_memory(share: float, bytes_: int | None) -> None:
    """Let torch's allocator in this process take `bytes_` of the GPU at most, or else `share` of it.

    So a trial that needs more than was foreseen runs out of memory itself, and not its neighbours.
    """
    if bytes_ is not None:
        share = min(1.0, bytes_ / torch.cuda.get_device_properties(0).total_memory)
    torch.cuda.set_per_process_memory_fraction(share)


def free_gpu_memory() -> None:
    """Give the memory that nothing refers to back to the GPU."""
    gc.collect()
    torch.cuda.empty_cache()


def peak_memory_bytes(device: torch.device) -> int:
    """Return the peak memory since the last reset: of the GPU's allocator, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with contextlib.suppress(OSError, StopIteration):
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
