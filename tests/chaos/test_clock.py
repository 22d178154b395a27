"""F15: the wall clock jumps by an hour, in a run and in its files, and daylight saving begins: nothing is reordered.

Events are ordered by `seq`, durations use a monotonic clock, and a worker is alive as long as its file's time changes.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from sweep.execution.watchdog import Watchdog
from sweep.planning.plan import Plan
from sweep.store.failure import Failure
from tests.chaos.conftest import Repeat, Whole
from tests.chaos.in_process import new_run, session
from tests.chaos.invariants import check_end
from tests.sweep.execution.test_trial import job_of

pytestmark = pytest.mark.fault("F15")
HOUR = 3600.0
EPOCHS = ("--set", "epochs=5")


class Wall:
    """A wall clock that can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        self.jump: Callable[[], float] = lambda: 0.0  # what is added at each look
        wall, true = self, time.time

        def now() -> float:
            wall.ahead += wall.jump()
            return true() + wall.ahead

        class Shifted(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Shifted":
                return cls.fromtimestamp(now(), tz)

        monkeypatch.setattr("time.time", now)
        monkeypatch.setattr("sweep.store.ledger.datetime", Shifted)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """zone("Europe/Berlin"): this process's time zone."""

    def switch(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield switch
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("jumps", [(HOUR,), (-HOUR,), (HOUR, -HOUR)], ids=["forward", "back", "both"])
def test_a_clock_that_jumps_during_a_run(
    jumps: tuple[float, ...], wall: Wall, micro: Path, out: Path, whole: Whole, repeat: Repeat
) -> None:
    for seed in repeat(1, 4):
        moments = random.Random(seed)
        wall.jump = lambda moments=moments: moments.choice(jumps) if moments.random() < 0.3 else 0.0
        folder = new_run(micro, out, EPOCHS[1], name=f"r{seed}")
        session(folder)
        end_matches(folder.path, whole(*EPOCHS))


def end_matches(run: Path, whole: Path) -> None:
    now = check_end(run, whole)
    assert all(event.elapsed >= 0 for event in now.events)
    elapsed = [event.elapsed for event in now.events]
    assert elapsed == sorted(elapsed)
    assert all(0 <= trial.seconds < 60 for trial in now.state.trials.values())
    for row in now.rows:
        assert all(0 <= value < 60 for name, value in row.items() if name.endswith("seconds") and value is not None)


def test_daylight_saving_begins(
    zone: Callable[[str], None], wall: Wall, micro: Path, out: Path, whole: Whole, count: Callable[[int], None]
) -> None:
    """Local time skips, or repeats, an hour: times are written in UTC."""
    for number, moment in enumerate((1_774_745_998, 1_792_889_998)):  # two seconds before each of 2026 in Berlin
        zone("Europe/Berlin")
        wall.ahead = moment - time.time()
        folder = new_run(micro, out, EPOCHS[1], name=f"r{number}")
        session(folder)
        end_matches(folder.path, whole(*EPOCHS))
        times = [event.time for event in check_end(folder.path, whole(*EPOCHS)).events]
        assert times == sorted(times)
        assert all(text.endswith("+00:00") for text in times)
        count(1)


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_file_times_that_jump_are_no_stall(
    jump: float, micro_plan: Plan, tmp_path: Path, wall: Wall, count: Callable[[int], None]
) -> None:
    """A worker's host sets its clock: each touch is movement, whatever time it tells. One that stands still is seen."""
    ticks = [0.0]
    job = job_of(micro_plan.trials[0], tmp_path)
    watchdog = Watchdog(5.0, clock=lambda: ticks[0])
    alive = Path(job.checkpoints) / "alive"
    alive.parent.mkdir(parents=True, exist_ok=True)
    alive.touch()
    watchdog.started(job)
    stamp = alive.stat().st_mtime
    for turn in range(20):
        ticks[0] += 4.0
        stamp += jump if turn == 7 else 4.0
        os.utime(alive, (stamp, stamp))
        wall.ahead += jump
        assert watchdog.overdue() == []
    ticks[0] += 5.5
    wall.ahead += jump
    (late,) = watchdog.overdue()
    assert late.failure is Failure.WORKER_LOST
    count(1)
