"""Find a run by name, by path, or as the latest one."""

import os
from pathlib import Path

from sweep.errors import RunError
from sweep.store.run_folder import RUN_FILE, RunFolder, list_runs, open_run


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
