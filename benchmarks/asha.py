"""ASHA against the full grid of `lora_rank` and `lora_scale`: epochs trained, and winners found.

The full grid is trained once with five seeds. Then the real driver and scheduler run on fake workers that replay the
grid's reports, spaced by the trial's mean seconds per epoch. A trial gives bit-for-bit the same reports in every run:
only their order may differ from that of a real search. The scheduler compares trials of equal seed only, so each row of
the table stands for five searches, which share the workers.

The winner is the point with the best mean over the seeds, with the 95 % confidence interval of this mean (Student's t).
A search has found the winner if it ranks first the winner, or a point with a mean within that interval.
"""

import argparse
import heapq
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scipy.special import stdtrit

from sweep.execution.driver import run_session
from sweep.execution.executor import Listener
from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.planning.config import RunLimits, TuneConfig
from sweep.planning.plan import stable_id
from sweep.prepare import RunRequest, prepare
from sweep.reporting.leaderboard import Row, load_rows
from sweep.reporting.reporter import SilentReporter
from sweep.store.events import EpochEvent
from sweep.store.ledger import read_ledger
from sweep.store.run_folder import RunFolder

SPACES = ("lora_rank", "lora_scale")
SEEDS = 5
WORKERS = (1, 2, 8)
REPORT = ("epoch", "losses", "cost", "scores", "metric", "status", "reason", "failure", "loss")


@dataclass
class Replay:
    """An executor with simulated workers, which replay the reports in a run's ledger in simulated time."""

    reports: dict[str, list[EpochEvent]]  # by trial id
    workers: int

    def run(self, listener: Listener) -> None:
        running: list[tuple[float, int, Job, Iterator[EpochEvent]]] = []
        now, started = 0.0, 0
        while True:
            while len(running) < self.workers and (job := listener.next_job()) is not None:
                listener.started(job)
                left = iter([event for event in self.reports[job.trial_id] if self._is_new(event, job)])
                heapq.heappush(running, (now, started := started + 1, job, left))
            if not running:
                return
            now, number, job, left = heapq.heappop(running)
            event = next(left)
            if listener.reported(job, TrialReport(**{name: getattr(event, name) for name in REPORT})):
                heapq.heappush(running, (now + self._seconds(event), number, job, left))

    @staticmethod
    def _is_new(event: EpochEvent, job: Job) -> bool:
        return event.epoch > job.known_epoch or event.status is not None

    @staticmethod
    def _seconds(event: EpochEvent) -> float:
        return event.losses.train_seconds / max(1, event.epoch) if event.losses else 0.0


def train_grid(space: str, out: Path) -> RunFolder:
    """Train the full grid with five seeds, unless `out` already holds it, and return its run."""
    command = [sys.executable, "-m", "sweep.cli", "run", space, "--name", space, "--seeds", str(SEEDS)]
    subprocess.run([*command, "--out", str(out), "--keep", "none", "--no-cache"], check=True)
    return RunFolder(out / space)


def search(space: str, grid: RunFolder, tune_config: TuneConfig, workers: int, out: Path) -> RunFolder:
    """Run a search that replays the trials of `grid`, a run of `space`, and return its run."""
    reports: dict[str, list[EpochEvent]] = {}
    for event in read_ledger(grid.ledger):
        if isinstance(event, EpochEvent):
            reports.setdefault(event.trial_id, []).append(event)
    name = f"{grid.name}-{tune_config.scheduler}-{workers}"
    request = RunRequest(space=space, out=out, name=name, tune_config=tune_config, use_cache=False)
    folder = prepare(request).open_or_create()
    run_session(
        folder, Replay(reports, workers), SilentReporter(), ["benchmark"], limits=RunLimits(keep="all"), use_cache=False
    )
    return folder


def settings_id(row: Row) -> str:
    """Return an id that is equal for points that differ only in their seed."""
    return stable_id({key: value for key, value in json.loads(row["config_json"]).items() if key != "seed"})


@dataclass(frozen=True)
class Truth:
    """The result of the full grid for one score; higher is better."""

    means: dict[str, float]  # point -> mean score over the seeds
    winner: str
    half_width: float  # of the confidence interval of the winner's mean

    def found(self, point: str) -> bool:
        return point == self.winner or self.means[self.winner] - self.means[point] <= self.half_width


def truth(rows: list[Row], score: Callable[[Row], float], point_of: Callable[[Row], str] = settings_id) -> Truth:
    """Return the result of the grid with these rows; `point_of` returns the same for all seeds of a point."""
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(point_of(row), []).append(score(row))
    means = {point: statistics.mean(found) for point, found in values.items()}
    winner = max(means, key=means.__getitem__)
    seeds = len(values[winner])
    return Truth(means, winner, stdtrit(seeds - 1, 0.975) * statistics.stdev(values[winner]) / seeds**0.5)


SCORES: dict[str, Callable[[Row], float]] = {"dev loss": lambda row: -row["dev_loss"], "chrF": lambda row: row["chrf"]}


def table_row(space: str, grid: RunFolder, scheduler: str, workers: int, out: Path) -> str:
    """Return one row of the table."""
    tune_config = TuneConfig(scheduler=scheduler, seeds=SEEDS)
    full, rows = load_rows(grid), load_rows(search(space, grid, tune_config, workers, out))
    shares, found = [], {name: 0 for name in SCORES}
    for seed in sorted({row["seed"] for row in full}):
        mine = [row for row in rows if row["seed"] == seed]
        shares.append(sum(row["epoch"] for row in mine) / sum(row["epochs_budget"] for row in mine))
        ended = [row for row in mine if row["status"] == "COMPLETED"]
        for name, score in SCORES.items():
            found[name] += truth(full, score).found(settings_id(max(ended, key=score)))
    share = f"{statistics.mean(shares):.0%} ({min(shares):.0%} to {max(shares):.0%})"
    hits = " | ".join(f"{count} of {SEEDS}" for count in found.values())
    return f"| {space} | {scheduler} | {workers} | {share} | {hits} |"


def main(out: Path | None = None) -> None:
    """Print the table. `out` is the folder of the full grids (None: a temporary folder)."""
    with tempfile.TemporaryDirectory() as name:
        place = out or Path(name)
        print("| space | scheduler | workers | share of the grid's epochs | winner by dev loss found | by chrF |")
        print("|---|---|---|---|---|---|")
        for space in SPACES:
            grid = train_grid(space, place)
            for scheduler in ("asha", "asha-promote"):
                for workers in WORKERS:
                    print(table_row(space, grid, scheduler, workers, Path(name) / "searches"), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Folder to keep the full grids in. Default: do not keep them.")
    main(parser.parse_args().out)
