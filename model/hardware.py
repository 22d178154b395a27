"""The device that a training runs on: which one, how many threads, how much memory it took."""

import contextlib
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from model.processor import cpu_name

CLEAR_REFS = Path("/proc/self/clear_refs")  # Linux: writing 5 resets the peak of the resident set
STATUS = Path("/proc/self/status")


def default_device() -> torch.device:
    """The first GPU this process may use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def gpu_name() -> str | None:
    """Return the name of the first GPU that this process may use, or None."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def device_name(device: torch.device) -> str:
    """Return what a device is called in results: the GPU's name, or "cpu" with its vector instructions."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` threads inside. The number changes how sums are split, hence the last bits of results."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def reset_peak_memory(device: torch.device) -> None:
    """Start measuring the peak anew, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):
            CLEAR_REFS.write_text("5")


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory held since the last reset: of the GPU's allocator, or this process's resident set on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with contextlib.suppress(OSError, StopIteration):
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
