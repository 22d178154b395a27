"""Rung reports on runs that completed every trial and on a run that stopped most."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.execution.driver import run_session
from sweep.execution.executor import Listener
from sweep.execution.job import Job
from sweep.planning.config import RunLimits, TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.reporting.reporter import SilentReporter
from sweep.reporting.rung_report import Rung, rungs
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, fake_report


def curves(at_rung: dict[float, float]) -> Callable[[Job, Listener], None]:
    """A worker whose dev loss is `at_rung` of the learning rate after epoch 1, and the learning rate itself at 3."""

    def act(job: Job, listener: Listener) -> None:
        listener.started(job)
        lr, last = float(str(job.points[0][1].get("lr", 0))), int(str(job.points[0][1]["epochs"]))
        for epoch in range(job.known_epoch + 1, last + 1) if last else [0]:
            dev_loss = at_rung.get(lr, lr) if epoch == 1 else lr
            status = Status.COMPLETED if epoch == last else None
            if not listener.reported(job, fake_report(job, epoch, status, dev_loss=dev_loss)):
                return

    return act


def judged(micro: Path, out: Path, at_rung: dict[float, float], scheduler: str = "fifo") -> list[Rung]:
    request = RunRequest(
        space=str(micro),
        out=out,
        settings=("lr=0.1,0.2,0.3", "epochs=3", "lora.rank=1", "lora.dropout=0.0"),
        tune_config=TuneConfig(scheduler=scheduler),
    )
    folder = prepare(request).open_or_create()
    run_session(folder, ScriptedExecutor(curves(at_rung)), SilentReporter(), ["sweep"], limits=RunLimits())
    return rungs(folder, load_state(folder))


def test_rung_that_predicts_the_result(micro: Path, out: Path) -> None:
    (rung,) = judged(micro, out, {})
    assert (rung.epoch, rung.reached, rung.stopped, rung.known) == (1, 3, 0, 3)
    assert (rung.agreement, rung.kept, rung.winner) == (1.0, 1.0, True)


def test_a_rung_that_is_wrong(micro: Path, out: Path) -> None:
    (rung,) = judged(micro, out, {0.1: 3.0, 0.2: 2.0, 0.3: 1.0})
    assert (rung.agreement, rung.kept, rung.winner) == (-1.0, 0.0, False)


def test_stopped_trials_are_unknown(micro: Path, out: Path) -> None:
    (rung,) = judged(micro, out, {}, "asha-promote")
    assert (rung.reached, rung.stopped, rung.known, rung.agreement) == (3, 2, 1, None)


@pytest.mark.parametrize("form", ["table", "json", "csv", "md"])
def test_the_report(sweep: Callable[..., Result], micro: Path, out: Path, form: str) -> None:
    judged(micro, out, {})
    result = sweep("report", "micro", "--rungs", "--format", form)
    assert result.exit_code == 0
    assert "agreement" in result.stdout
    assert "sonnets" in result.stdout


def test_a_run_too_short_for_rungs_says_so(sweep: Callable[..., Result], finished: Path) -> None:
    assert "too short" in sweep("report", "--rungs").stdout
    assert rungs(RunFolder(finished), load_state(RunFolder(finished))) == []
