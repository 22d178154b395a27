"""Whether a run is working, finished, stopped or killed."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from sweep.prepare import RunRequest, prepare
from sweep.store.activity import activity
from sweep.store.events import Event, SessionEvent, StatusEvent
from sweep.store.ledger import Ledger
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status

Sweep = Callable[..., Result]


@pytest.fixture
def folder(micro: Path, out: Path) -> RunFolder:
    return prepare(RunRequest(space=str(micro), out=out)).open_or_create()


def record(folder: RunFolder, *events: Event) -> None:
    with closing(Ledger(folder.ledger)) as ledger:
        for event in events:
            ledger.append(event)


def status_of(folder: RunFolder, status: Status) -> StatusEvent:
    return StatusEvent(trial_id=folder.spec.plan.trials[0].trial_id, attempt=1, status=status)


SESSION = SessionEvent(command=("sweep",))


def test_finished(finished: Path) -> None:
    folder = RunFolder(finished)
    assert activity(folder, load_state(folder)) == "idle"


def test_working(folder: RunFolder) -> None:
    with folder.lock():
        assert activity(folder, load_state(folder)) == "working"


def test_not_started(folder: RunFolder) -> None:
    assert activity(folder, load_state(folder)) == f"not started; resume with: {folder.command('resume')}"


def test_killed_while_a_trial_was_running(folder: RunFolder) -> None:
    record(folder, SESSION, status_of(folder, Status.RUNNING))
    assert activity(folder, load_state(folder)) == f"killed; resume with: {folder.command('resume')}"


def test_killed_before_a_trial_was_running(folder: RunFolder) -> None:
    record(folder, SESSION)
    assert activity(folder, load_state(folder)).startswith("killed; ")


def test_stopped_by_a_signal(folder: RunFolder) -> None:
    record(folder, SESSION, status_of(folder, Status.RUNNING), status_of(folder, Status.INTERRUPTED))
    assert activity(folder, load_state(folder)) == f"stopped; resume with: {folder.command('resume')}"


def test_stopped_by_its_budget(sweep: Sweep, micro: Path) -> None:
    assert sweep("run", micro, "--executor", "inline", "--budget", "1trials").exit_code == 5
    assert "; stopped; resume with: sweep resume micro --out " in sweep("status").stdout


def test_printed_commands_are_quoted(micro: Path, tmp_path: Path) -> None:
    folder = prepare(RunRequest(space=str(micro), out=tmp_path / "my runs")).open_or_create()
    assert folder.command("resume") == f"sweep resume micro --out '{tmp_path / 'my runs'}'"
