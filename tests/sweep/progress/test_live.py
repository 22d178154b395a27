"""The live table: what it shows from start to end."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from sweep.progress.live import LiveReporter, live_reporter
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state


@pytest.fixture
def folder(finished: Path) -> RunFolder:
    return RunFolder(finished)


@pytest.fixture
def state(folder: RunFolder) -> RunState:
    return load_state(folder)


def make_console(width: int = 120) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=40)


def shown(view: LiveReporter) -> str:
    """What the terminal shows now."""
    console = Console(file=io.StringIO(), width=view.console.width)
    console.print(view)
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return printed


@pytest.mark.parametrize(("executor", "text"), [("ray", "starting Ray ..."), ("inline", "starting ...")])
def test_it_speaks_before_the_first_trial_starts(folder: RunFolder, executor: str, text: str) -> None:
    said = shown(LiveReporter(folder, make_console(), executor))
    assert said.startswith("micro: task sonnets, base tiny, cpu")
    assert text in said


def test_live_table_shows_settings_best_and_baseline(folder: RunFolder, state: RunState) -> None:
    view = LiveReporter(folder, make_console(), "ray")
    view.changed(state, "")
    said = shown(view)
    assert said.startswith("micro: task sonnets, base tiny, cpu")
    assert "lora.rank" in said
    assert "batch_size" not in said
    assert re.search(r"best chrf so far: \d+\.\d{3} at lora.rank \d, lora.dropout [\d.]+ \(baseline \d+\.\d{3}\)", said)
    assert "4 of 4 trials finished" in said
    assert "left" not in said


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(folder: RunFolder, state: RunState, width: int) -> None:
    view = LiveReporter(folder, make_console(width), "ray")
    view.changed(state, "")
    said = shown(view)
    assert max(map(len, said.splitlines())) <= width
    assert said.count("COMPLETED") % 4 == 0
    assert not re.search(r"\d\.\d{5}", said)


def test_the_rows_fit_the_height(folder: RunFolder, state: RunState) -> None:
    console = Console(file=io.StringIO(), width=120, height=12)
    view = LiveReporter(folder, console, "ray")
    view.changed(state, "")
    assert shown(view).count("COMPLETED") == 3


def test_the_table_stays_when_the_run_ends(folder: RunFolder, state: RunState) -> None:
    """The last change is shown, however soon it came after the one before."""
    console = make_console()
    with live_reporter(folder, console, "ray") as view:
        view.changed(RunState(), "")
        view.changed(state, "")
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "4 of 4 trials finished" in printed
    assert "\x1b[2K" not in printed[printed.rindex("4 of 4 trials") :], "the table is erased again"


def test_the_table_stays_when_the_run_breaks_down(folder: RunFolder, state: RunState) -> None:
    console = make_console()

    def work() -> None:
        with live_reporter(folder, console, "ray") as view:
            view.changed(RunState(), "")
            view.changed(state, "")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert "4 of 4 trials finished" in console.file.getvalue()  # type: ignore[attr-defined]


def test_time_left_is_shown_while_there_is_any(folder: RunFolder, state: RunState) -> None:
    for trial_id in list(state.trials)[2:]:
        state.trials[trial_id].status = state.trials[trial_id].status.RUNNING
        state.trials[trial_id].epochs.clear()
        state.scores.clear()
    for trial in state.trials.values():
        trial.seconds = 100.0
    view = LiveReporter(folder, make_console(), "ray")
    view.changed(state, "")
    assert re.search(r"so far, about \d.* left", shown(view))
