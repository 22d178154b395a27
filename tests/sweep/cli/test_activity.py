"""Whether a run is working, finished, stopped or killed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.cli.activity import activity
from sweep.prepare import RunRequest, prepare
from sweep.store.ledger import Ledger
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state

Sweep = Callable[..., Result]


@pytest.fixture
def folder(micro: Path, out: Path) -> RunFolder:
    return prepare(RunRequest(space=str(micro), out=out)).folder()


def record(folder: RunFolder, *events: tuple[str, dict[str, object]]) -> None:
    ledger = Ledger(folder.ledger)
    for kind, content in events:
        ledger.append(kind, **content)
    ledger.close()


def status_of(folder: RunFolder, status: str, reason: str | None = None) -> tuple[str, dict[str, object]]:
    trial_id = folder.spec.plan.trials[0].trial_id
    return "status", {"trial_id": trial_id, "attempt": 1, "status": status, "reason": reason}


SESSION = ("session", {"command": ["sweep"], "limits": {}})


def test_finished(finished: Path) -> None:
    folder = RunFolder(finished)
    assert activity(folder, load_state(folder)) == "idle"


def test_working(folder: RunFolder) -> None:
    with folder.lock():
        assert activity(folder, load_state(folder)) == "working"


def test_not_started(folder: RunFolder) -> None:
    assert activity(folder, load_state(folder)) == f"not started; resume with: {folder.command('resume')}"


def test_killed_while_a_trial_was_running(folder: RunFolder) -> None:
    record(folder, SESSION, status_of(folder, "RUNNING"))
    assert activity(folder, load_state(folder)) == f"killed; resume with: {folder.command('resume')}"


def test_killed_before_a_trial_was_running(folder: RunFolder) -> None:
    record(folder, SESSION)
    assert activity(folder, load_state(folder)).startswith("killed; ")


def test_stopped_by_a_signal(folder: RunFolder) -> None:
    record(folder, SESSION, status_of(folder, "RUNNING"), status_of(folder, "INTERRUPTED", "stopped by a signal"))
    assert activity(folder, load_state(folder)) == f"stopped; resume with: {folder.command('resume')}"


def test_stopped_by_its_budget(sweep: Sweep, micro: Path) -> None:
    assert sweep("run", micro, "--executor", "inline", "--budget", "1trials").exit_code == 0
    assert "; stopped; resume with: sweep resume micro --out " in sweep("status").stdout


def test_printed_commands_are_quoted(micro: Path, tmp_path: Path) -> None:
    folder = prepare(RunRequest(space=str(micro), out=tmp_path / "my runs")).folder()
    assert folder.command("resume") == f"sweep resume micro --out '{tmp_path / 'my runs'}'"
