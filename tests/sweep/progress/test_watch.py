"""`sweep watch`: a view of a run from another process."""

import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.errors import LedgerError
from sweep.prepare import RunRequest, prepare
from sweep.progress.watch import Watch, watch
from sweep.reporting.terminal import LastingConsole
from sweep.store.run_folder import RunFolder
from sweep.testing import drive


@pytest.fixture
def run(micro: Path, out: Path) -> RunFolder:
    return prepare(RunRequest(space=str(micro), out=out, executor="inline")).open_or_create()


def console(terminal: bool) -> LastingConsole:
    return LastingConsole(file=io.StringIO(), width=120, height=40, force_terminal=terminal, highlight=False)


def shown(view: Watch) -> str:
    plain = console(False)
    plain.print(view)
    assert isinstance(plain.file, io.StringIO)
    return plain.file.getvalue()


def test_a_finished_run_is_printed_once(sweep: Callable[..., Result], run: RunFolder) -> None:
    drive(run)
    text = sweep("watch", run.name).stdout
    assert "4 of 4 trials finished, 0 running" in text
    assert "best chrf: 40.000 at lora.rank=" in text
    assert "\none seed per configuration: any difference may be luck" in text
    assert text.endswith("now: idle\n")


def test_a_view_follows_the_ledger(run: RunFolder) -> None:
    view = Watch(run, console(False))
    view.update()
    assert "0 of 4 trials finished" in shown(view)
    drive(run)
    assert "0 of 4 trials finished" in shown(view)
    view.update()
    assert "4 of 4 trials finished" in shown(view)


def test_an_unchanged_ledger_is_not_read_again(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    drive(run)
    view = Watch(run, console(False))
    view.update()
    monkeypatch.setattr("sweep.progress.watch.load_state", lambda folder: pytest.fail("it was read again"))
    view.update()


def test_watching_ends_with_the_work(run: RunFolder) -> None:
    """On a terminal it shows the run as long as somebody works on it."""
    terminal = console(True)
    with run.lock():
        thread = threading.Thread(target=watch, args=(run, terminal, 0.05))
        thread.start()
        time.sleep(0.5)
        assert thread.is_alive()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert isinstance(terminal.file, io.StringIO)
    assert "now: not started; resume with: sweep resume micro" in terminal.file.getvalue()


def test_it_changes_nothing(sweep: Callable[..., Result], run: RunFolder) -> None:
    drive(run)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.path.rglob("*") if path.is_file()}
    assert sweep("watch", run.name).exit_code == 0
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.path.rglob("*") if path.is_file()}
    assert after == before


def test_a_damaged_ledger_is_one_error(sweep: Callable[..., Result], run: RunFolder) -> None:
    drive(run)
    lines = run.ledger.read_text().splitlines()
    run.ledger.write_text("\n".join([lines[0], "{}", *lines[2:]]) + "\n")
    with pytest.raises(LedgerError):
        Watch(run, console(False)).update()
    result = sweep("watch", run.name)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
