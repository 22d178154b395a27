"""Checks of what this machine computes with: packages, cores, GPUs, open files, and the code's commit."""

import importlib.metadata
import os
import platform
import re
import resource
import warnings
from collections.abc import Iterable
from pathlib import Path

from sweep.doctor.findings import Check, note, ok, problem
from sweep.execution.resources import usable_cores
from sweep.planning.provenance import git_commit

DISTRIBUTION = "explora-sweep"
BOUND = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?\s*>=\s*([\d.]+)")  # this project's dependencies have lower bounds only
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # Linux containers: microseconds of computing allowed per period, or max
OPEN_FILES = 1024  # Ray's processes hold hundreds of sockets


def python_version() -> Check:
    wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"].removeprefix(">=")
    found = f"Python {platform.python_version()}"
    if _release(platform.python_version()) < _release(wanted):
        return problem("python", f"{found}, {wanted} is needed", f"make an environment with Python {wanted} or newer")
    return ok("python", found)


def packages() -> Check:
    """Against the lower bounds of the installed distribution; extras aside."""
    requirements = importlib.metadata.requires(DISTRIBUTION) or []
    return judge_packages(requirement for requirement in requirements if ";" not in requirement)


def judge_packages(requirements: Iterable[str]) -> Check:
    """`requirements` such as "ray[tune]>=2.50"."""
    found, lacking = [], []
    for name, bound in (match.groups() for text in requirements if (match := BOUND.fullmatch(text.strip()))):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lacking.append(f"{name} is missing")
            continue
        found.append(f"{name} {version}")
        if _release(version) < _release(bound):
            lacking.append(f"{name} is {version}, {bound} is needed")
    if lacking:
        return problem("packages", "; ".join(lacking), f"pip install --upgrade {DISTRIBUTION}, or `make install`")
    return ok("packages", ", ".join(found))


def _release(version: str) -> tuple[int, ...]:
    """2.13.0+cpu -> (2, 13). Zeros at the end say nothing: 2.0 is 2."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in re.sub(r"(\.0+)+$", "", match.group() if match else "0").split("."))


def cores() -> Check:
    """Those that this process may use, and torch's threads."""
    import torch

    usable = usable_cores()
    found = f"{usable} of {os.cpu_count()} cores usable; torch would use {torch.get_num_threads()} threads"
    quota = quota_of(QUOTA.read_text()) if QUOTA.is_file() else None
    if quota is not None and quota < usable:
        return note(
            "cores",
            f"{found}, but this container may only use as much as {quota:g} of them",
            f"--concurrency {max(1, int(quota))}: by default a run takes every core that it sees",
        )
    return ok("cores", found)


def quota_of(text: str) -> float | None:
    """Cores that a container may use, of "200000 100000"; None where it says max."""
    allowed, period = text.split()
    return None if allowed == "max" else int(allowed) / int(period)


def gpus() -> Check:
    """Those that torch sees, or why there is none."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    if not usable:
        reason = str(caught[0].message).splitlines()[0] if caught else _no_gpu_reason()
        return note(
            "gpus", f"none: {reason}", "none is needed for `tiny`; larger bases want an NVIDIA GPU and torch for CUDA"
        )
    return ok("gpus", "; ".join(_gpu(index) for index in range(torch.cuda.device_count())))


def _no_gpu_reason() -> str:
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES is {visible!r}"
    return f"torch {torch.__version__} finds no device or driver"


def _gpu(index: int) -> str:
    import torch

    free, total = torch.cuda.mem_get_info(index)
    return f"{torch.cuda.get_device_name(index)}, {total / 2**30:.0f} GiB of which {free / 2**30:.1f} are free"


def open_files() -> Check:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < OPEN_FILES:  # RLIM_INFINITY is -1
        return note("open files", f"at most {limit}", f"ulimit -n {OPEN_FILES}: Ray's processes may need as many")
    return ok("open files", "no limit" if limit < 0 else f"at most {limit}")


def commit() -> Check:
    found = git_commit()
    if found is None:
        return note(
            "git", "no commit: runs cannot record which code they are of", "work in a git checkout, with git installed"
        )
    changed = ", with changes that are not committed" if found.endswith("+") else ""
    return ok("git", f"commit {found[:12].removesuffix('+')}{changed}")
