"""The summary at the end of a session, and its exit code."""

from pathlib import Path

import pytest

from sweep.cli.summary import summarize
from sweep.execution.driver import SessionResult
from sweep.execution.executor import Listener
from sweep.execution.job import Job
from sweep.planning.config import TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.store.failure import Failure
from sweep.store.run_folder import RunFolder
from sweep.testing import ScriptedExecutor, complete, drive


@pytest.fixture
def folder(micro: Path, out: Path) -> RunFolder:
    return prepare(RunRequest(space=str(micro), out=out)).open_or_create()


def failing(folder: RunFolder, *victims: str) -> SessionResult:
    """A session in which the trials `victims` fail."""

    def act(job: Job, listener: Listener) -> None:
        if job.trial_id in victims:
            listener.started(job)
            listener.lost(job, Failure.OUT_OF_HOST_MEMORY, "it used too much")
        else:
            complete(job, listener)

    return drive(folder, ScriptedExecutor(act))


def test_all_is_well(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = failing(folder)
    assert summarize(folder, outcome) == 0
    said = capsys.readouterr()
    assert "4 points: 4 COMPLETED" in said.out
    assert said.err == ""


@pytest.mark.parametrize(("count", "code"), [(1, 3), (3, 3), (4, 4)])
def test_summary_names_failed_trials(
    count: int, code: int, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    victims = [trial.trial_id for trial in folder.spec.plan.trials[:count]]
    outcome = failing(folder, *victims)
    assert summarize(folder, outcome) == code
    said = capsys.readouterr().err
    told = [f"FAILED {victim}: {Failure.OUT_OF_HOST_MEMORY}: it used too much" in said for victim in victims]
    assert sum(told) == min(count, 3), said


def test_a_failed_base_is_a_failure(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    (base,) = folder.spec.plan.baselines
    outcome = failing(folder, base.trial_id)
    assert summarize(folder, outcome) == 3
    assert f"FAILED {base.trial_id}: the baseline, so no row can be compared" in capsys.readouterr().err
    assert summarize(folder, failing(folder)) == 0, "the next session tries it again"


def test_open_rows_are_not_a_success(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """An executor that returns early leaves rows pending, for whatever reason."""
    outcome = drive(folder, ScriptedExecutor(lambda job, listener: None))
    assert summarize(folder, outcome) == 5
    assert f"not finished; resume with: {folder.command('resume')}" in capsys.readouterr().err


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_a_space_smaller_than_the_search(
    search: str, micro: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = RunRequest(space=str(micro), out=out, tune_config=TuneConfig(search=search, num_samples=9, seeds=2))
    folder = prepare(request).open_or_create()
    outcome = drive(folder)
    assert len(outcome.rows) == 8
    assert summarize(folder, outcome) == 5
    assert "the space holds only 4 points, fewer than --num-samples 9" in capsys.readouterr().err


def test_a_finished_search_is_a_success(micro: Path, out: Path) -> None:
    folder = prepare(
        RunRequest(space=str(micro), out=out, tune_config=TuneConfig(search="random", num_samples=3))
    ).open_or_create()
    assert summarize(folder, drive(folder)) == 0
