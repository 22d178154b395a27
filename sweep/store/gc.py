"""`sweep gc`: what runs leave behind that nobody needs. Links are never followed, nor is a run touched that works."""

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
    """What was removed of one run, or would be."""

    run: str
    bytes: int
    note: str | None = None  # why it was passed over


def clean(out: Path, runs: list[RunFolder], keep: str | None, dry_run: bool) -> Iterator[Freed]:
    """Bring the checkpoints of ended trials of `runs` down to `keep` (None: what each run began with).

    Half-made run folders of killed processes under `out` go too.
    """
    for folder in runs or list_runs(out):
        if folder.path.is_symlink():
            yield Freed(folder.name, 0, "a link: what it points at is not touched")
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
        return 0  # a damaged ledger does not say what is needed
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
