"""Progress reporters: lines for a pipe, a table for a terminal."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console

from sweep.progress.live import LiveReporter
from sweep.progress.reporters import LineReporter, progress_reporter
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state


@pytest.fixture
def folder(finished: Path) -> RunFolder:
    return RunFolder(finished)


def test_a_pipe_gets_one_line_per_change(sweep: Callable[..., Result], micro: Path) -> None:
    lines = sweep("run", micro, "--executor", "inline").stderr.splitlines()
    # A start and two epochs of each of four trials; a start and an end of the baseline.
    assert len(lines) == 4 * 3 + 2
    assert "baseline" in lines[0]
    assert "4/4" in lines[-1]
    assert "COMPLETED  lora.rank 2, lora.dropout 0.5  epoch 2/2" in lines[-1]
    assert "chrf" in lines[-1]
    assert not any("\x1b" in line for line in lines)


def test_a_console_that_is_no_terminal_gets_lines(folder: RunFolder) -> None:
    with progress_reporter(folder, Console(file=io.StringIO()), "ray") as view:
        assert isinstance(view, LineReporter)


def test_a_terminal_gets_a_table(folder: RunFolder) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_reporter(folder, console, "ray") as view:
        assert isinstance(view, LiveReporter)
        view.changed(load_state(folder), "")
