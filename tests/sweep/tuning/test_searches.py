"""Complete searches with the real driver: kills change neither the stopped trials nor the sampled points."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.execution.driver import run_session
from sweep.execution.executor import Listener
from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.planning.config import RunLimits, TuneConfig
from sweep.planning.plan import Point
from sweep.prepare import RunRequest, prepare
from sweep.reporting.reporter import SilentReporter
from sweep.store.run_folder import RunFolder
from sweep.store.state import full_plan, load_state
from sweep.store.status import Status
from sweep.testing import fake_report
from sweep.tuning.schedulers import comparison_group, ids, rung

RATES = tuple(round(0.001 * (number + 1), 3) for number in range(12))


# Whole searches: the real driver over made-up curves.


class Killed(BaseException):
    """The driver's process is gone."""


class Curves:
    """One worker. Dev losses fall towards a limit that the learning rate sets, at its own pace; some diverge."""

    def __init__(self, reports: int | None = None) -> None:
        """`reports`: how many are told before the driver is gone; None: all."""
        self.left = reports

    def run(self, listener: Listener) -> None:
        while not listener.stopping and (job := listener.next_job()) is not None:
            listener.started(job)
            self._work(job, listener)

    def _work(self, job: Job, listener: Listener) -> None:
        settings = job.points[0][1]
        last = int(str(settings["epochs"]))
        for epoch in range(job.known_epoch + 1, last + 1) if last else [0]:
            if self.left is not None:
                if self.left == 0:
                    raise Killed
                self.left -= 1
            status = Status.COMPLETED if epoch == last else None
            told = fake_report(job, epoch, status, dev_loss=self.loss(settings, epoch))
            if settings.get("lr") == RATES[5]:
                told = TrialReport(epoch=epoch, status=Status.DIVERGED, loss="nan")
            if not listener.reported(job, told):
                return

    @staticmethod
    def loss(settings: Any, epoch: int) -> float:
        stream = random.Random(str(settings.get("lr")))
        limit, pace = stream.uniform(1, 2), stream.uniform(0.3, 1.5)
        return limit + 2.0 / (1 + pace * epoch)


Begin = Callable[[str], RunFolder]


@pytest.fixture
def begin(micro: Path, out: Path) -> Begin:
    """A new run of twelve trainings of nine epochs under a scheduler, or of a search by TPE."""

    def make(kind: str) -> RunFolder:
        name = f"{kind}-{len(list(out.glob('*')))}"
        rates = "lr=" + ",".join(map(str, RATES))
        settings: tuple[str, ...] = (rates, "epochs=9", "lora.rank=1", "lora.dropout=0.0")
        tune_config = (
            TuneConfig(scheduler=kind) if kind != "tpe" else TuneConfig(search="tpe", num_samples=14, scheduler="asha")
        )
        if kind == "tpe":
            settings = (rates, "epochs=9", "lora.rank=1,2,4", "lora.dropout=0.0")
        return prepare(
            RunRequest(space=str(micro), out=out, name=name, settings=settings, tune_config=tune_config)
        ).open_or_create()

    return make


def drive(folder: RunFolder, reports: int | None = None) -> None:
    run_session(folder, Curves(reports), SilentReporter(), ["sweep"], limits=RunLimits(), use_cache=False)


def ends(folder: RunFolder) -> dict[str, tuple[Status, int | None, int]]:
    """How each training ended: status, rung, epochs."""
    trials = load_state(folder).trials
    return {name: (trial.status, trial.rung, trial.known_epoch) for name, trial in trials.items()}


def tables(folder: RunFolder) -> dict[int, list[tuple[str, float]]]:
    """The rungs as the scheduler sees them."""
    state = load_state(folder)
    trials = ids(full_plan(folder.spec, state).trials)
    keys = dict.fromkeys(comparison_group(trial) for trial in trials.values())
    return {
        level: [(e.trial_id, e.value) for key in keys for e in rung(state, folder.spec.tune_config, trials, key, level)]
        for level in (1, 3)
    }


@pytest.mark.parametrize("kind", ["asha", "asha-promote", "tpe"])
def test_kills_do_not_change_stops_or_suggestions(begin: Begin, kind: str) -> None:
    whole = begin(kind)
    drive(whole)
    expected, drawn = ends(whole), [event.params for event in load_state(whole).suggestions]
    assert Status.STOPPED in {status for status, _, _ in expected.values()}
    assert Status.DIVERGED in {status for status, _, _ in expected.values()}
    total = sum(event for _, _, event in expected.values())
    for reports in range(1, total + 1, 3 if kind == "asha" else 8):
        folder = begin(kind)
        with pytest.raises(Killed):
            drive(folder, reports)
        before = tables(folder)
        with pytest.raises(Killed):  # once more, before anything is told
            drive(folder, 0)
        assert tables(folder) == before
        drive(folder)
        assert ends(folder) == expected
        assert [event.params for event in load_state(folder).suggestions] == drawn


def test_promotion_halves_as_the_textbook_does(begin: Begin) -> None:
    folder = begin("asha-promote")
    drive(folder)
    losses = {trial.trial_id: trial.points[0] for trial in folder.spec.plan.trials}

    def at(name: str, epoch: int) -> float:
        point: Point = losses[name]
        return float("inf") if point.train.lr == RATES[5] else Curves.loss(point.settings, epoch)

    first = sorted(losses, key=lambda name: at(name, 1))[: 12 // 3]
    second = sorted(first, key=lambda name: at(name, 3))[: 4 // 3]
    reached = {name: epochs for name, (_, _, epochs) in ends(folder).items() if name in losses}
    lost = {name for name, point in losses.items() if point.train.lr == RATES[5]}
    expected = {name: 9 if name in second else 3 if name in first else 0 if name in lost else 1 for name in losses}
    assert reached == expected
