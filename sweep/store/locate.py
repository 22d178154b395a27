"""Find a run by name, by path, or as the latest one, and the checkpoint of a point."""

import os
from pathlib import Path

from sweep.errors import RunError
from sweep.planning.plan import Point
from sweep.store.cache import Cache
from sweep.store.events import PointResult
from sweep.store.run_folder import RUN_FILE, RunFolder, list_runs, open_run
from sweep.store.state import find_result, load_state


def find_run(out: Path, run: str) -> RunFolder:
    """Return the run named `run` under `out`, or at the path `run`. Raise RunError if there is none."""
    is_name = not {os.sep, os.altsep} & set(run) and run not in (".", "..")
    path = Path(run).expanduser() if run.strip(".") else Path(run).resolve()
    if (path / RUN_FILE).is_file() and not (is_name and (out / run / RUN_FILE).is_file()):
        return RunFolder(path)
    if not is_name:
        raise RunError(f"no run at {run}: a run is a folder with a {RUN_FILE} in it")
    return open_run(out, run)


def find_run_or_latest(out: Path, run: str | None) -> RunFolder:
    """Return the run `run`, or the latest run under `out` if `run` is None. Raise RunError if there is none."""
    if run is not None:
        return find_run(out, run)
    runs = list_runs(out)
    if not runs:
        raise RunError(f"{out} holds no runs yet: start one with `sweep run lora_rank`")
    return runs[-1]


def find_checkpoint(folder: RunFolder, point: Point) -> Path:
    """Return the folder of the checkpoint that `point` of the run in `folder` was scored with.

    That of a cached point is in the run that computed it, which is found by its content: it may have another name by
    now, and its earlier name may be that of another run. Raise RunError if there is none.
    """
    result = find_result(load_state(folder), point)
    places = [folder.checkpoints(point.trial_id)]
    if result is not None and result.from_run is not None:
        found = Cache(folder.path.parent, skip=folder.name).computed(
            folder.spec.provenance, point, test=folder.spec.confirm is not None
        )
        places = [owner.checkpoints(known.trial_id) for owner, known in found]
    epoch = str(point.epochs if result is None else _scored_epoch(result, point))
    checkpoint = next((place / epoch for place in places if (place / epoch).is_dir()), None)
    if checkpoint is None:
        owner = folder.name if result is None else result.from_run or folder.name
        raise RunError(
            f"no checkpoint of point {point.point_id} was kept in run {owner!r}: train it again with keep='all', or "
            "choose a point whose trial ended at its best or last epoch"
        )
    return checkpoint


def _scored_epoch(result: PointResult, point: Point) -> int:
    """Return the epoch whose weights `point` was scored with."""
    return result.losses.best_epoch if point.train.keep_best_epoch else result.epoch
