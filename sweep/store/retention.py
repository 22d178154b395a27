"""Which checkpoints stay. A training that may go on keeps its two newest; an ended one keeps what `--keep` says.

    best+last   the last epoch, and the one with the lowest dev loss (the default)
    last        the last epoch
    none        nothing
    all         every epoch

With LoRA a checkpoint holds the adapters only. A training that a scheduler stopped for good keeps nothing, unless
`all` do: nobody ranks it.
"""

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from sweep.store import heartbeat
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, TrialState
from sweep.store.status import TERMINAL, Status


def protected_epochs(keep: str, best_epoch: int) -> tuple[int, ...]:
    """Epochs, besides the newest, whose checkpoints a worker must not remove."""
    return (best_epoch,) if keep == "best+last" else ()


def newest(keep: str, ended: bool) -> int | None:
    """How many of the newest checkpoints a worker leaves; None for every one."""
    from model.checkpoint import KEPT

    return None if keep == "all" else 1 if ended else KEPT


def apply(folder: Path, trial: TrialState, keep: str) -> None:
    """Bring the checkpoints in `folder`, of a trial that has ended for good, down to what `keep` says."""
    if folder.is_symlink() or not folder.is_dir():
        return  # what a link points at is not ours
    (folder / heartbeat.NAME).unlink(missing_ok=True)
    if keep == "all":
        return
    epochs = _wanted(trial, keep)
    if not epochs:
        shutil.rmtree(folder, ignore_errors=True)
        return
    from model.checkpoint import prune, strip
    from model.errors import CheckpointError

    with contextlib.suppress(OSError, CheckpointError):  # damaged, or the disk is full: it stays as it is
        prune(folder, 0, epochs)
        for place in (folder / str(epoch) for epoch in epochs if epoch != trial.known_epoch):
            if place.is_dir() and not place.is_symlink():
                strip(place)


def repair(folder: Path) -> None:
    """Finish what was being written in the trial's folder `folder`."""
    from model import checkpoint

    checkpoint.repair(folder)


def half_written(run: Path) -> set[str]:
    """Trials of the run in `run` of which a checkpoint was being written when the writer was killed."""
    lefts = (run / "checkpoints").glob("*/.*.partial")
    return {left.parent.name for left in lefts if not left.parent.is_symlink()}  # what a link points at is not ours


def unneeded(folder: Path, trial: TrialState, keep: str) -> int:
    """Bytes that `apply` would free, the optimizer's aside."""
    if folder.is_symlink() or keep == "all":
        return 0
    kept = {str(epoch) for epoch in _wanted(trial, keep)}
    return sum(size(path) for path in folder.iterdir() if path.is_dir() and path.name not in kept)


def _wanted(trial: TrialState, keep: str) -> set[int]:
    """Epochs whose checkpoints stay."""
    if keep == "none" or trial.rung is not None or trial.status == Status.DIVERGED or not trial.known_epoch:
        return set()
    best = trial.epochs[trial.known_epoch].losses.best_epoch
    return {trial.known_epoch, *protected_epochs(keep, best)}


def size(folder: Path) -> int:
    """Bytes of the files under `folder`; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink() and path.is_file())


class CheckpointPruner:
    """Prunes the checkpoints of a run's trials as they end."""

    def __init__(self, folder: RunFolder, keep: str, promotes: bool) -> None:
        """`promotes`: whether the scheduler may continue a trial that it stopped at a rung."""
        self.folder = folder
        self.keep = keep
        self.promotes = promotes

    def prune(self, trial_id: str, trial: TrialState) -> None:
        """Prune the checkpoints of a trial if it has ended for good."""
        if trial.status in TERMINAL and not (self.promotes and trial.rung is not None):
            apply(self.folder.checkpoints(trial_id), trial, self.keep)

    def prune_stopped(self, trials: Mapping[str, TrialState]) -> None:
        """Prune the checkpoints of all trials that were stopped at a rung: the run is done, none is promoted."""
        for trial_id, trial in trials.items():
            if trial.status == Status.STOPPED and trial.rung is not None:
                apply(self.folder.checkpoints(trial_id), trial, self.keep)

    def finish(self, state: RunState) -> None:
        """Finish the pruning that was going on when an earlier session was killed."""
        for trial_id in half_written(self.folder.path) & state.trials.keys():
            if state.trials[trial_id].status in TERMINAL:
                repair(self.folder.checkpoints(trial_id))
                self.prune(trial_id, state.trials[trial_id])
