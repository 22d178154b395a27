"""`sweep doctor`: is this machine fit to run, and what to do where it is not."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from sweep import disk_checks, hub_check, machine_checks, ray_checks
from sweep.findings import Check, Level, note

WIDTH = max(map(len, Level))  # of the marks


def examine(out: Path) -> list[Check]:
    """Every finding about this machine, with runs under `out`. Never raises, writes nothing that stays."""
    checks: dict[str, Callable[[], Check]] = {
        "python": machine_checks.python_version,
        "packages": machine_checks.packages,
        "git": machine_checks.commit,
        "cores": machine_checks.cores,
        "gpus": machine_checks.gpus,
        "open files": machine_checks.open_files,
        "shared memory": disk_checks.shared_memory,
        "--out": partial(disk_checks.out_writable, out),
        "disk of --out": partial(disk_checks.out_space, out),
        "temporary disk": disk_checks.temporary_space,
        "home": disk_checks.home,
        "ray's ports": ray_checks.ports,
        "RAY_ADDRESS": ray_checks.address,
        "left behind": ray_checks.left_behind,
        "hub": hub_check.hub,
    }
    return [guarded(name, check) for name, check in checks.items()]


def guarded(name: str, check: Callable[[], Check]) -> Check:
    """What `check` finds; that it failed, where it does."""
    try:
        return check()
    except Exception as error:  # a check of a strange machine must not hide the others
        reason = str(error).strip().partition("\n")[0]
        return note(name, f"could not be checked: {type(error).__name__}: {reason}", "look at it by hand")


def has_problem(checks: Sequence[Check]) -> bool:
    return any(check.level == Level.PROBLEM for check in checks)


def text(checks: Sequence[Check]) -> str:
    """A line for each check, and one more with the remedy where there is one."""
    widest = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.level:{WIDTH}}  {check.name:{widest}}  {check.found}")
        if check.remedy is not None:
            lines.append(f"{'':{WIDTH}}  {'':{widest}}  -> {check.remedy}")
    return "\n".join(lines)


def json_text(checks: Sequence[Check]) -> str:
    """The same for programs: a list of objects."""
    return json.dumps([asdict(check) for check in checks], indent=1)
