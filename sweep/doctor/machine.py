"""Check what this machine computes with: Python, packages, cores, GPUs, open files, and the code's commit."""

import importlib.metadata
import os
import platform
import re
import resource
import warnings
from collections.abc import Iterable
from pathlib import Path

from sweep.doctor.findings import Check, note, ok, problem
from sweep.execution.gpus import is_slice
from sweep.execution.nvidia import exclusive_gpus, gpus_and_slices, mps_is_running
from sweep.execution.resources import usable_cores
from sweep.planning.commits import tool_commit

DISTRIBUTION = "explora-sweep"
BOUND = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?\s*>=\s*([\d.]+)")  # our dependencies have only lower bounds
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # Linux containers: microseconds of CPU time per period, or max
OPEN_FILES = 1024  # Ray's processes open hundreds of sockets


def python_version() -> Check:
    wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"].removeprefix(">=")
    found = f"Python {platform.python_version()}"
    if _release(platform.python_version()) < _release(wanted):
        return problem(
            "python", f"{found}, but {wanted} is needed", f"create an environment with Python {wanted} or newer"
        )
    return ok("python", found)


def packages() -> Check:
    """Compare the installed packages with the lower bounds of this distribution, without its extras."""
    requirements = importlib.metadata.requires(DISTRIBUTION) or []
    return judge_packages(requirement for requirement in requirements if ";" not in requirement)


def judge_packages(requirements: Iterable[str]) -> Check:
    """Return the finding for `requirements` such as "ray[tune]>=2.50"."""
    found, lacking = [], []
    for name, bound in (match.groups() for text in requirements if (match := BOUND.fullmatch(text.strip()))):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lacking.append(f"{name} is missing")
            continue
        found.append(f"{name} {version}")
        if _release(version) < _release(bound):
            lacking.append(f"{name} is {version}, but {bound} is needed")
    if lacking:
        return problem("packages", "; ".join(lacking), f"pip install --upgrade {DISTRIBUTION}, or `make install`")
    return ok("packages", ", ".join(found))


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version without trailing zeros: 2.13.0+cpu gives (2, 13)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in re.sub(r"(\.0+)+$", "", match.group() if match else "0").split("."))


def cores() -> Check:
    """Report the cores that this process may use, and torch's threads."""
    import torch

    usable = usable_cores()
    found = f"{usable} of {os.cpu_count()} cores usable; torch would use {torch.get_num_threads()} threads"
    quota = quota_of(QUOTA.read_text()) if QUOTA.is_file() else None
    if quota is not None and quota < usable:
        return note(
            "cores",
            f"{found}, but this container may only use the time of {quota:g} of them",
            f"use --concurrency {max(1, int(quota))}: by default a run uses every core that it sees",
        )
    return ok("cores", found)


def quota_of(text: str) -> float | None:
    """Return the cores that a container may use: 2.0 for "200000 100000", None if the text says max."""
    allowed, period = text.split()
    return None if allowed == "max" else int(allowed) / int(period)


def gpus() -> Check:
    """Report the GPUs that torch can use, or why there is none."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    if not usable:
        reason = str(caught[0].message).splitlines()[0] if caught else _no_gpu_reason()
        return note(
            "gpus",
            f"none: {reason}",
            "none is needed for `tiny`; for larger bases use an NVIDIA GPU and torch for CUDA",
        )
    found = "; ".join(_gpu(index) for index in range(torch.cuda.device_count()))
    if exclusive := exclusive_gpus():
        return note(
            "gpus",
            f"{found}; {', '.join(exclusive)}: one process at a time (exclusive-process mode)",
            "use --gpus-per-trial 1, or let an administrator run nvidia-smi -c DEFAULT: trials cannot share such a GPU",
        )
    if mps_is_running():
        return note(
            "gpus",
            f"{found}; NVIDIA MPS is running",
            "stop it (echo quit | nvidia-cuda-mps-control): with MPS, which is not supported, an error of one trial "
            "ends all trials on its GPU",
        )
    if len(slices := [name for name in gpus_and_slices() if is_slice(name)]) > 1:
        return ok("gpus", f"{found}; {len(slices)} MIG slices, of which a process sees the first and a run uses all")
    return ok("gpus", found)


def _no_gpu_reason() -> str:
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES is {visible!r}"
    return f"torch {torch.__version__} finds no GPU or no driver"


def _gpu(index: int) -> str:
    import torch

    free, total = torch.cuda.mem_get_info(index)
    return f"{torch.cuda.get_device_name(index)}, {total / 2**30:.0f} GiB, {free / 2**30:.1f} GiB free"


def open_files() -> Check:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < OPEN_FILES:  # RLIM_INFINITY is -1
        return note("open files", f"at most {limit}", f"ulimit -n {OPEN_FILES}: Ray's processes may need that many")
    return ok("open files", "no limit" if limit < 0 else f"at most {limit}")


def commit() -> Check:
    found = tool_commit()
    if found is None:
        return note(
            "git",
            "no commit: runs cannot record the version of the code",
            "install it from a git checkout with pip install -e, and install git",
        )
    changed = ", with uncommitted changes" if found.endswith("+") else ""
    return ok("git", f"commit {found[:12].removesuffix('+')}{changed}")
