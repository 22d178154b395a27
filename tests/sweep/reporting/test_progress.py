"""Progress: lines in a pipe, a table on a terminal."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console

from sweep.reporting.progress import LineReporter, LiveReporter, ProgressState, progress_reporter
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state


@pytest.fixture
def folder(finished: Path) -> RunFolder:
    return RunFolder(finished)


def test_a_pipe_gets_one_line_per_change(sweep: Callable[..., Result], micro: Path) -> None:
    lines = sweep("run", micro, "--executor", "inline").stderr.splitlines()
    # A start and two epochs of each of four trials; a start and an end of the base.
    assert len(lines) == 4 * 3 + 2
    assert "the un-tuned base" in lines[0]
    assert "4/4" in lines[-1]
    assert "COMPLETED  lora.rank=2 lora.dropout=0.5  epoch 2/2" in lines[-1]
    assert "chrf" in lines[-1]
    assert not any("\x1b" in line for line in lines)


def test_a_terminal_gets_a_table_of_what_varies(folder: RunFolder) -> None:
    sink = io.StringIO()
    console = Console(file=sink, force_terminal=True, width=120)
    with progress_reporter(folder, console) as view:
        assert isinstance(view, LiveReporter)
        state = load_state(folder)
        view.changed(state, next(iter(state.trials)))
    text = sink.getvalue()
    assert "lora.rank" in text
    assert "batch_size" not in text
    assert "4 of 4 trainings done" in text


def test_what_is_no_terminal_gets_lines(folder: RunFolder) -> None:
    with progress_reporter(folder, Console(file=io.StringIO())) as view:
        assert isinstance(view, LineReporter)


def test_time_left_follows_the_pace(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = ProgressState(folder)
    state = load_state(folder)
    epochs = {trial_id: dict(state.trials[trial_id].epochs) for trial_id in facts.trials}
    for trial_id in facts.trials:
        state.trials[trial_id].epochs.clear()
        state.trials[trial_id].status = state.trials[trial_id].status.RUNNING
    assert facts.seconds_left(state) is None
    first = next(iter(facts.trials))
    state.trials[first].epochs.update(epochs[first])
    monkeypatch.setattr("time.monotonic", lambda: facts.began + 10)
    assert facts.seconds_left(state) == 10 / 2 * 6  # two of eight epochs took ten seconds
