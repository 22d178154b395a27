"""What orchestration costs: rows 8 to 10 of the table of targets.

cost      a trial on a warm worker: its time since the previous trial ended, minus training and decoding
start     `sweep run` until it reports its first epoch (of one step), against importing torch and starting Ray
workers   48 trials on one worker against the same trials on two
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.measurement import Measurement, alternate, medians, ratio
from benchmarks.overhead import command, made_up, sweep
from sweep.store.events import EpochEvent
from sweep.store.ledger import read_ledger

START_RAY = "import ray, torch; ray.init(); print('ready', flush=True)"
TRIALS = 60  # that do almost nothing
STARTS = 5  # pairs
SHORT = ("--set", "epochs=2", "--seeds", "2")  # for lora_rank: 48 trials of about 3 s
POLL_SECONDS = 0.01


def trial_costs(events: Sequence[EpochEvent]) -> list[float]:
    """Return the seconds from the end of each trial to the end of the next on a single worker, minus its training and
    decoding. They include the dev loss, the checkpoint and writing the report, so starting a trial costs less."""
    ended = [event for event in events if event.status is not None and event.losses is not None]
    return [
        one.elapsed - before.elapsed - one.losses.train_seconds - sum(score.decode_seconds for score in one.scores)
        for before, one in pairwise(ended)
        if one.losses is not None
    ]


def cost() -> Iterator[Measurement]:
    """Measure the fixed cost of a trial."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep("run", made_up(folder, TRIALS), "--name", "cost", "--concurrency", 1, "--out", folder, "--no-cache")
        costs = trial_costs([e for e in read_ledger(folder / "cost" / "ledger.jsonl") if isinstance(e, EpochEvent)])
    yield Measurement(
        row=8,
        work="fixed cost of a trial on a warm worker",
        figure=statistics.median(costs),
        quartiles=None,
        target=0.10,
        at_least=False,
        unit="s",
        pairs=len(costs),
        note=f"median of {len(costs)} trials that train one step; dev loss, checkpoint and report included",
    )


def seconds_until(happened: Callable[["subprocess.Popen[str]"], object], arguments: Sequence[str]) -> float:
    """Start a process, and return the seconds until `happened` returns a true value; then wait for its end.

    Raise RuntimeError if the process ends before that.
    """
    began = time.perf_counter()
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while not happened(process):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(arguments)} ended with exit code {process.returncode}")
            time.sleep(POLL_SECONDS)
        taken = time.perf_counter() - began
        process.communicate()
    return taken


def first_report(folder: Path) -> float:
    """Return the seconds from the start of `sweep run` to the ledger's first line about a trained epoch."""
    out = Path(tempfile.mkdtemp(dir=folder))
    ledger = out / "start" / "ledger.jsonl"

    def trained(_: object) -> bool:
        events = read_ledger(ledger) if ledger.exists() else []
        return any(isinstance(event, EpochEvent) and event.epoch >= 1 for event in events)

    run = ("run", made_up(folder, 2), "--name", "start", "--concurrency", 2, "--out", out, "--no-cache")
    return seconds_until(trained, command("sweep.cli", *run))


def ray_alone() -> float:
    """Return the seconds that a Python process takes to import Ray and torch and to start Ray."""
    return seconds_until(
        lambda process: process.stdout and process.stdout.readline(), [sys.executable, "-c", START_RAY]
    )


def start() -> Iterator[Measurement]:
    """Measure the start of a run, in seconds and against Ray's own start."""
    with tempfile.TemporaryDirectory() as name:
        first_report(Path(name))  # warms the file cache
        pairs = alternate(lambda: first_report(Path(name)), ray_alone, STARTS)
    ours, alone = medians(pairs)
    work, note = "`sweep run` until it reports its first training step", f"{ours:.1f} s against {alone:.1f} s for Ray"
    yield Measurement(9, work, ours, None, 5.0, False, "s", len(pairs), note)
    yield ratio(9, f"{work}, against `import ray, torch; ray.init()`", pairs, 1.2, note=note)


def workers() -> Iterator[Measurement]:
    """Measure the speed-up from a second worker."""

    def on(count: int) -> float:
        with tempfile.TemporaryDirectory() as out:
            return sweep("run", "lora_rank", *SHORT, "--concurrency", count, "--out", out, "--no-cache")

    pairs = alternate(lambda: on(1), lambda: on(2), 1)
    one, two = medians(pairs)
    note = f"{one:.0f} s against {two:.0f} s, start and end of the command included"
    yield ratio(10, "48 trials of lora_rank, 2 epochs: one worker against two", pairs, 1.9, at_least=True, note=note)
