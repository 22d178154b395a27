"""Weights & Biases: one of its runs for each point, in a project of the run's name."""

import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when wandb is imported

import wandb

from sweep.store.status import Status
from sweep.tracking.record import Record

FAILED = (Status.FAILED, Status.DIVERGED)  # they have the exit code 1 there


class WeightsAndBiases:
    """Logs as WANDB_MODE says if `live`, else offline: to files in the folder that `wandb sync` uploads.

    Files of an earlier session are replaced: they may end in the middle of an epoch.
    """

    def __init__(self, folder: Path, run: str, *, live: bool = False) -> None:
        self.folder = folder
        self.project = run
        self.mode: Any = os.environ.get("WANDB_MODE", "offline") if live else "offline"
        self._written: dict[str, Record] = {}  # the latest record of each point
        self._runs: dict[str, wandb.Run] = {}  # that have not ended
        folder.mkdir(parents=True, exist_ok=True)

    def update(self, record: Record) -> None:
        before = self._written.get(record.point_id)
        if before == record:
            return
        if record.point_id not in self._runs:
            before, self._runs[record.point_id] = None, self._begin(record)
        run, shown = self._runs[record.point_id], max(before.epochs, default=0) if before else 0
        for epoch, values in record.epochs.items():
            if epoch > shown and epoch >= run.step:
                run.log(dict(values), step=epoch, commit=True)  # else the last epoch waits for `finish`
        self._written[record.point_id] = record
        if record.has_ended:
            run.summary["status"], run.summary["reason"] = str(record.status), record.reason
            self._runs.pop(record.point_id).finish(exit_code=int(record.status in FAILED))

    def close(self) -> None:
        for run in self._runs.values():
            run.finish()

    def _begin(self, record: Record) -> wandb.Run:
        if self.mode == "offline":
            for left in self.folder.glob(f"wandb/offline-run-*-{record.point_id}"):
                shutil.rmtree(left)
        settings = wandb.Settings(
            mode=self.mode,
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            disable_job_creation=True,
            x_disable_stats=True,
            init_timeout=10,
        )
        return wandb.init(
            project=self.project,
            id=record.point_id,
            name=record.name,
            group=record.group[:128],
            config={**record.settings, "trial_id": record.trial_id},
            dir=str(self.folder),
            resume="allow" if self.mode == "online" else None,
            reinit="create_new",
            settings=settings,
        )
