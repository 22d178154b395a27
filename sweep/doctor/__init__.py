"""Check whether this machine can run sweeps, and how to fix what is wrong: `sweep doctor`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from sweep.doctor import disk, hub, machine, ray_here
from sweep.doctor.findings import Check, Level, note

WIDTH = max(map(len, Level))  # of the column of levels


def examine(out: Path) -> list[Check]:
    """Return the findings about this machine for runs under `out`. Never raise, and leave no files behind."""
    checks: dict[str, Callable[[], Check]] = {
        "python": machine.python_version,
        "packages": machine.packages,
        "git": machine.commit,
        "cores": machine.cores,
        "gpus": machine.gpus,
        "open files": machine.open_files,
        "shared memory": disk.shared_memory,
        "--out": partial(disk.out_writable, out),
        "disk of --out": partial(disk.out_space, out),
        "temporary disk": disk.temporary_space,
        "home": disk.home,
        "ray's ports": ray_here.ports,
        "RAY_ADDRESS": ray_here.address,
        "left behind": ray_here.left_behind,
        "hub": hub.hub,
    }
    return [guarded(name, check) for name, check in checks.items()]


def guarded(name: str, check: Callable[[], Check]) -> Check:
    """Return the finding of `check`, or a note that it failed."""
    try:
        return check()
    except Exception as error:  # on an unusual machine, one failing check must not hide the others
        reason = str(error).strip().partition("\n")[0]
        return note(name, f"could not be checked: {type(error).__name__}: {reason}", "check this yourself")


def has_problem(checks: Sequence[Check]) -> bool:
    return any(check.level == Level.PROBLEM for check in checks)


def text(checks: Sequence[Check]) -> str:
    """Return one line for each check, and one for its remedy if there is one."""
    widest = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.level:{WIDTH}}  {check.name:{widest}}  {check.found}")
        if check.remedy is not None:
            lines.append(f"{'':{WIDTH}}  {'':{widest}}  -> {check.remedy}")
    return "\n".join(lines)


def json_text(checks: Sequence[Check]) -> str:
    """Return the findings as a JSON list of objects."""
    return json.dumps([asdict(check) for check in checks], indent=1)
