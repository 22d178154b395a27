"""The progress state that reporters display."""

from pathlib import Path

import pytest

from sweep.planning.config import TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.progress.state import ProgressState
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state


@pytest.fixture
def progress(finished: Path) -> ProgressState:
    return ProgressState(RunFolder(finished))


@pytest.fixture
def state(finished: Path) -> RunState:
    return load_state(RunFolder(finished))


def test_a_finished_run(progress: ProgressState, state: RunState) -> None:
    progress.follow(state)
    assert progress.finished(state) == 4
    assert progress.seconds_left(state) == 0
    assert progress.keys == ["lora.rank", "lora.dropout"]
    assert progress.label("of no trial") == "baseline"


def test_a_run_that_has_not_started(progress: ProgressState) -> None:
    assert progress.finished(RunState()) == 0
    assert progress.best_lines(RunState()) == []
    assert progress.seconds_left(RunState()) is None


def test_time_left_follows_the_measured_pace(progress: ProgressState, state: RunState) -> None:
    first, *others = progress.trials
    for trial_id in others:
        state.trials[trial_id].status = state.trials[trial_id].status.RUNNING
        state.trials[trial_id].epochs.clear()
    state.trials[first].seconds = 20.0
    assert progress.seconds_left(state) == 20.0  # three workers, each with two epochs of ten seconds


def test_the_best_point_stands_beside_its_baseline(progress: ProgressState, state: RunState) -> None:
    best = max(value for one in progress.trials if (value := progress.best_of(state, one)) is not None)
    (line,) = progress.best_lines(state)
    assert line.startswith(f"best chrf so far: {best:.3f} at lora.rank ")
    assert "(baseline " in line


def test_points_to_be_suggested_count(micro: Path, out: Path) -> None:
    """A search by TPE knows none of its points at first, and still names its task and base."""
    tune_config = TuneConfig(search="tpe", num_samples=3)
    folder = prepare(RunRequest(space=str(micro), out=out, tune_config=tune_config)).open_or_create()
    progress = ProgressState(folder)
    assert progress.title.startswith("micro: task sonnets, base tiny, ")
    assert progress.metric == "chrf"
    assert progress.finished(RunState()) == 0
    assert progress.seconds_left(RunState()) is None
