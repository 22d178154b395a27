"""Heartbeats and leases: which process holds a trial, and takeover."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.store import heartbeat
from sweep.store.heartbeat import SupersededError, hold_lease, last_heartbeat, worker_of


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LEASE_SECONDS", 0.1)


def who(folder: Path) -> heartbeat.Worker:
    worker = worker_of(folder)
    assert worker is not None
    return worker


def test_lease_names_its_holder(tmp_path: Path) -> None:
    with hold_lease(tmp_path / "trial", 3):
        worker = worker_of(tmp_path / "trial")
        assert worker is not None
        assert (worker.attempt, worker.pid) == (3, os.getpid())


def test_a_second_worker_waits_and_gives_up(tmp_path: Path) -> None:
    with hold_lease(tmp_path, 1), pytest.raises(SupersededError, match="another worker still holds this trial"):  # noqa: SIM117
        with hold_lease(tmp_path, 2):
            raise AssertionError("both hold it")
    with hold_lease(tmp_path, 2):
        pass


def test_lease_is_exclusive_until_its_process_dies(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from sweep.store.heartbeat import hold_lease\n"
    code += "with hold_lease(Path(sys.argv[1]), 1):\n print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(SupersededError), hold_lease(tmp_path, 2):
            pass
        assert who(tmp_path).pid == process.pid
    finally:
        process.kill()
        process.communicate()
    with hold_lease(tmp_path, 2):
        assert who(tmp_path).attempt == 2


def test_a_newer_attempt_has_taken_over_for_good(tmp_path: Path) -> None:
    with hold_lease(tmp_path, 2):
        pass
    with pytest.raises(SupersededError, match="attempt 2 has taken over from attempt 1"), hold_lease(tmp_path, 1):
        raise AssertionError("an old worker goes on")
    with hold_lease(tmp_path, 2):  # the next epoch of the same attempt
        pass


def test_lease_ends_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_lease(tmp_path, 1):
        1 / 0  # noqa: B018
    with hold_lease(tmp_path, 1):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"attempt": 1}', b"\xff", b'{"attempt": 1, "more": 2}'])
def test_a_file_that_says_nothing_is_taken_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "alive").write_bytes(content)
    assert worker_of(tmp_path) is None
    with hold_lease(tmp_path, 1):
        assert who(tmp_path).attempt == 1


def test_a_beat_touches_the_file_at_most_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with hold_lease(tmp_path, 1) as beat:
        os.utime(tmp_path / "alive", (1, 1))
        now[0] += 0.5
        beat()
        assert last_heartbeat(tmp_path) == 1
        now[0] += 0.6
        beat()
        assert (last_heartbeat(tmp_path) or 0) > 1
        os.utime(tmp_path / "alive", (1, 1))
        now[0] += 0.6
        beat()
        assert last_heartbeat(tmp_path) == 1


def test_nobody_was_there(tmp_path: Path) -> None:
    assert last_heartbeat(tmp_path / "nowhere") is None
    assert worker_of(tmp_path / "nowhere") is None
