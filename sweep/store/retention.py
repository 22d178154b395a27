"""Which checkpoints are kept. An open trial keeps its two newest; an ended trial keeps what `--keep` asks for:

    best+last   the last epoch, and the one with the lowest dev loss (the default)
    last        the last epoch
    none        nothing
    all         every epoch

A trial with points that are scored at their best epoch keeps that epoch, too, until it ends. With LoRA a checkpoint
holds only the adapters. A trial that a scheduler stopped for good keeps no checkpoint unless `all`, because it is not
ranked.
"""

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from sweep.store import heartbeat
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, TrialState
from sweep.store.status import TERMINAL, Status


def protected_epochs(keep: str, best_epoch: int, *, scores_best: bool = False) -> tuple[int, ...]:
    """Return the epochs, besides the newest, whose checkpoints a worker must keep.

    `scores_best` is whether the trial has yet to score points at their best epoch.
    """
    return (best_epoch,) if keep == "best+last" or scores_best else ()


def newest(keep: str, ended: bool) -> int | None:
    """Return how many of the newest checkpoints a worker keeps; None means all."""
    from model.checkpoint import KEPT

    return None if keep == "all" else 1 if ended else KEPT


def apply(folder: Path, trial: TrialState, keep: str) -> None:
    """Prune the checkpoints in `folder`, of a trial that has ended for good, to those that `keep` asks for."""
    if folder.is_symlink() or not folder.is_dir():
        return  # never follow a symbolic link
    (folder / heartbeat.NAME).unlink(missing_ok=True)
    if keep == "all":
        return
    epochs = _kept_epochs(trial, keep)
    if not epochs:
        shutil.rmtree(folder, ignore_errors=True)
        return
    from model.checkpoint import prune, strip
    from model.errors import CheckpointError

    with contextlib.suppress(OSError, CheckpointError):  # damaged, or the disk is full: leave it as it is
        prune(folder, 0, epochs)
        for place in (folder / str(epoch) for epoch in epochs if epoch != trial.known_epoch):
            if place.is_dir() and not place.is_symlink():
                strip(place)


def repair(folder: Path) -> None:
    """Finish or remove the checkpoint that was being written in the trial's folder `folder`."""
    from model import checkpoint

    checkpoint.repair(folder)


def half_written(run: Path) -> set[str]:
    """Return the ids of trials of the run in `run` that have a half-written checkpoint, left by a killed process."""
    partial = (run / "checkpoints").glob("*/.*.partial")
    return {path.parent.name for path in partial if not path.parent.is_symlink()}  # never follow a symbolic link


def unneeded(folder: Path, trial: TrialState, keep: str) -> int:
    """Return the bytes that `apply` would free, without the optimizer state that it strips from kept checkpoints."""
    if folder.is_symlink() or keep == "all":
        return 0
    kept = {str(epoch) for epoch in _kept_epochs(trial, keep)}
    return sum(size(path) for path in folder.iterdir() if path.is_dir() and path.name not in kept)


def _kept_epochs(trial: TrialState, keep: str) -> set[int]:
    """Return the epochs whose checkpoints are kept."""
    if keep == "none" or trial.rung is not None or trial.status == Status.DIVERGED or not trial.known_epoch:
        return set()
    best = trial.epochs[trial.known_epoch].losses.best_epoch
    return {trial.known_epoch, *protected_epochs(keep, best)}


def size(folder: Path) -> int:
    """Return the bytes of the files under `folder`; symbolic links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink() and path.is_file())


class CheckpointPruner:
    """Prunes the checkpoints of a run's trials as they end."""

    def __init__(self, folder: RunFolder, keep: str, promotes: bool) -> None:
        """`promotes` is whether the scheduler may continue a trial that it stopped at a rung."""
        self.folder = folder
        self.keep = keep
        self.promotes = promotes

    def prune(self, trial_id: str, trial: TrialState) -> None:
        """Prune the checkpoints of a trial if it has ended for good."""
        if trial.status in TERMINAL and not (self.promotes and trial.rung is not None):
            apply(self.folder.checkpoints(trial_id), trial, self.keep)

    def prune_stopped(self, trials: Mapping[str, TrialState]) -> None:
        """Prune the checkpoints of all trials that stopped at a rung: the run is done, so none will be promoted."""
        for trial_id, trial in trials.items():
            if trial.status == Status.STOPPED and trial.rung is not None:
                apply(self.folder.checkpoints(trial_id), trial, self.keep)

    def finish(self, state: RunState) -> None:
        """Finish the pruning that an earlier session was doing when it was killed."""
        for trial_id in half_written(self.folder.path) & state.trials.keys():
            if state.trials[trial_id].status in TERMINAL:
                repair(self.folder.checkpoints(trial_id))
                self.prune(trial_id, state.trials[trial_id])
