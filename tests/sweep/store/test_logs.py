"""The logs of a run: the driver's decisions and the workers' stderr."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from sweep.store.logs import LOGGER, driver_log

WORKER = """
import sys
from pathlib import Path
from sweep.store.logs import keep_stderr

keep_stderr(Path(sys.argv[1]))
print("to stderr", file=sys.stderr, flush=True)
print("ready", flush=True)
sys.stdin.readline()
"""


def test_run_logs_its_decisions(finished: Path) -> None:
    text = (finished / "logs" / "driver.log").read_text()
    assert "session begins: " in text
    assert text.count(": started after epoch 0") == 5
    assert text.count(": COMPLETED at epoch 2") == 4
    assert "session ends: the run is done" in text
    assert all(line[10] == "T" and line[19] == "Z" for line in text.splitlines())


def test_the_scheduler_is_quoted(sweep: Callable[..., Result], micro: Path, out: Path) -> None:
    sweep("run", micro, "--executor", "inline", "--scheduler", "asha-promote", "--reduction-factor", "2")
    quoted = "STOPPED at epoch 1 (asha-promote: not promoted from the rung of epoch 1)"
    assert (out / "micro" / "logs" / "driver.log").read_text().count(quoted) == 4


def test_sessions_are_appended(sweep: Callable[..., Result], finished: Path) -> None:
    sweep("resume", "micro")
    assert (finished / "logs" / "driver.log").read_text().count("session begins: ") == 2


def test_verbose_shows_the_log(sweep: Callable[..., Result], micro: Path) -> None:
    assert "session ends: the run is done" in sweep("run", micro, "--executor", "inline", "-v").stderr
    assert "session ends" not in sweep("run", micro, "--executor", "inline", "--no-cache").stderr


def test_the_logger_is_left_as_it_was(tmp_path: Path) -> None:
    before = LOGGER.handlers[:], LOGGER.level
    with driver_log(tmp_path / "logs"):
        logging.getLogger("sweep.test").info("hello")
    assert (LOGGER.handlers[:], LOGGER.level) == before
    assert "hello" in (tmp_path / "logs" / "driver.log").read_text()


def test_logs_of_workers_that_wrote_nothing_are_removed(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    with driver_log(logs):
        (logs / "worker-a-1.log").touch()
        (logs / "worker-a-2.log").write_text("Traceback")
    assert sorted(path.name for path in logs.iterdir()) == ["driver.log", "worker-a-2.log"]


def test_a_folder_that_cannot_be_made_costs_the_log_only(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    with driver_log(tmp_path / "logs"):
        logging.getLogger("sweep.test").info("lost")


def test_worker_stderr_and_hang_stacks_are_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path / "logs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        os.kill(worker.pid, signal.SIGUSR1)
        (log,) = (tmp_path / "logs").iterdir()
        deadline = time.monotonic() + 10
        while "most recent call first" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        worker.communicate("\n")
    assert log.read_text().startswith("to stderr\n")
    assert "most recent call first" in log.read_text()
