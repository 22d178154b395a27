"""Free the disk space that runs no longer need: `sweep gc`.

Symbolic links are never followed, and runs that a process is working on are left alone.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import RunError, UsageError
from sweep.store import retention
from sweep.store.run_folder import STAGED, RunFolder, list_runs
from sweep.store.state import load_state
from sweep.store.status import TERMINAL


@dataclass(frozen=True)
class Freed:
    """The space that was freed, or would be, in one run."""

    run: str
    bytes: int
    note: str | None = None  # why the run was skipped


def clean(out: Path, runs: list[RunFolder], keep: str | None, dry_run: bool) -> Iterator[Freed]:
    """Prune the checkpoints of finished trials of `runs` (empty: all under `out`) to `keep`, and yield what was freed.

    A `keep` of None means what each run asked for. Unfinished run folders that killed processes left under `out` are
    deleted too. With `dry_run` nothing is deleted.
    """
    for folder in runs or list_runs(out):
        if folder.path.is_symlink():
            yield Freed(folder.name, 0, "a symbolic link; its target is not touched")
            continue
        try:
            with folder.lock():
                yield Freed(folder.name, _clean_run(folder, keep, dry_run))
        except RunError as error:
            yield Freed(folder.name, 0, str(error))
    for left in out.glob(".*"):
        if STAGED.fullmatch(left.name) and left.is_dir() and not left.is_symlink():
            freed = retention.size(left)
            if not dry_run:
                shutil.rmtree(left, ignore_errors=True)
            yield Freed(left.name, freed)


def _clean_run(folder: RunFolder, keep: str | None, dry_run: bool) -> int:
    checkpoints = folder.path / "checkpoints"
    if checkpoints.is_symlink() or not checkpoints.is_dir():
        return 0
    before = retention.size(checkpoints)
    try:
        state = load_state(folder)
    except UsageError:
        return 0  # without a readable ledger, any checkpoint may be needed
    wanted = keep or folder.spec.limits.keep
    unneeded = 0
    for trial_id, trial in state.trials.items():
        place = folder.checkpoints(trial_id)
        if trial.status not in TERMINAL or not place.is_dir():
            continue
        if dry_run:
            unneeded += retention.unneeded(place, trial, wanted)
        else:
            retention.apply(place, trial, wanted)
    return unneeded if dry_run else before - retention.size(checkpoints)
