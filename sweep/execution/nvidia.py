"""What `nvidia-smi` tells about the GPUs of this machine, and torch does not. Without it, nothing is known."""

import os
import re
import shutil
import subprocess

import psutil

SECONDS = 20  # time for an answer
GPU_LINE = re.compile(r"GPU \d+: .*\(UUID: (GPU-[^)]+)\)")
SLICE_LINE = re.compile(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)")


def ask(*options: str) -> list[str]:
    """Return the lines that `nvidia-smi` prints; none if there is no such program, or if it fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run([program, *options], capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def gpus_and_slices() -> list[str]:
    """Return the UUIDs of all GPUs, and in place of a GPU that is divided (MIG) those of its slices."""
    found: list[list[str]] = []
    for line in ask("-L"):
        if (gpu := GPU_LINE.match(line)) is not None:
            found.append([gpu[1]])
        elif (part := SLICE_LINE.match(line)) is not None and found:
            found[-1].append(part[1])
    return [name for names in found for name in (names[1:] or names)]


def mps_is_running() -> bool:
    """Return whether NVIDIA's Multi-Process Service runs on this machine, or this process is told to use one."""
    names = (process.info["name"] or "" for process in psutil.process_iter(["name"]))
    return "CUDA_MPS_PIPE_DIRECTORY" in os.environ or any(name.startswith("nvidia-cuda-mps") for name in names)


def exclusive_gpus() -> list[str]:
    """Return the UUIDs of the GPUs on which only one process at a time can compute."""
    lines = [line.split(", ") for line in ask("--query-gpu=uuid,compute_mode", "--format=csv,noheader")]
    return [parts[0] for parts in lines if len(parts) == 2 and parts[1].startswith(("Exclusive", "Prohibited"))]
