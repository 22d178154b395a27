"""A program that runs a space on Ray with simulated GPUs. Arguments: the space file and the output folder.

It prints the maximum number of concurrent trials, then the statuses. No GPU is needed, because Ray only counts them.
"""

import sys
from pathlib import Path

from sweep.execution.driver import run_session
from sweep.execution.ray_backend.executor import RayExecutor
from sweep.planning.config import RunLimits
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import load_rows
from sweep.store.state import RunState
from sweep.store.status import Status


class Counter:
    """A view that counts what runs."""

    most = 0

    def changed(self, state: RunState, trial_id: str) -> None:
        self.most = max(self.most, sum(trial.status is Status.RUNNING for trial in state.trials.values()))

    def note(self, message: str) -> None:
        print(message, file=sys.stderr)


if __name__ == "__main__":
    folder = prepare(RunRequest(space=sys.argv[1], out=Path(sys.argv[2]), settings=("epochs=6",))).open_or_create()
    view = Counter()
    executor = RayExecutor(concurrency=4, cpus_per_trial=1, gpus_per_trial=0.5, gpus=["0"])
    run_session(folder, executor, view, ["test"], limits=RunLimits())
    print(view.most, *sorted(row["status"] for row in load_rows(folder)))
