"""F6 to F9: faults of a run on Ray. Its driver, a worker, the raylet or the GCS server is killed; a worker is stopped;
signals come while Ray starts, works and ends.

Processes are searched only among the descendants of the process that the test started, never by name alone.
"""

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from sweep.store.ledger import read_ledger
from tests.chaos.conftest import Repeat, Whole
from tests.chaos.invariants import NOTHING, check, check_end, gone, of_trials, says
from tests.chaos.processes import PATIENCE, Command, Commands, wait_for_epochs

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
SIX = ("--set", "lora.rank=1,2,3", "--set", "epochs=6")  # six trials of six epochs
LONG = ("--set", "epochs=60")
RUN = ("--concurrency", "2", "--no-cache", "--name", "r", "--out")
START = 12.0  # seconds until a worker's first epoch, about
LINGER = 5.0  # seconds for killed processes to be gone


def family(command: Command) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(command.pid).children(recursive=True)
    return []


def workers(command: Command) -> list[psutil.Process]:
    """Those that train at this moment: Ray names a worker by what it does."""
    found = []
    for process in family(command):
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            if "Trainable.train" in process.cmdline()[0]:
                found.append(process)
    return found


def a_worker(command: Command, moments: random.Random) -> psutil.Process | None:
    """One that trains; None where the command has ended before one was seen."""
    deadline = time.monotonic() + PATIENCE
    while not command.ended:
        if found := workers(command):
            return moments.choice(found)
        assert time.monotonic() < deadline, f"no worker: {command.stderr}"
        time.sleep(0.01)
    return None


def epochs_of(run: Path) -> int:
    ledger = run / "ledger.jsonl"
    return ledger.read_bytes().count(b'"event":"epoch"') if ledger.exists() else 0


def reasons(run: Path) -> list[str]:
    """Why trials failed, by the ledger."""
    return [
        str(event.reason) for event in of_trials(list(read_ledger(run / "ledger.jsonl"))) if event.status == "FAILED"
    ]


@pytest.mark.fault("F6")
def test_the_driver_is_killed(commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat) -> None:
    """Up to five times a run; half of the kills come while Ray starts. The next session ends what it finds left."""
    expected, arguments = whole(*SIX), ("run", micro, *SIX, *RUN)
    number, before, left = 0, NOTHING, list[psutil.Process]()
    for turn, seed in enumerate(repeat(1, 20)):
        moments, out = random.Random(seed), tmp_path / f"{number}"
        command = commands(*arguments, out)
        if moments.random() < 0.5:
            time.sleep(moments.uniform(0, START))
        else:
            wait_for_epochs(out / "r", epochs_of(out / "r") + moments.randint(1, 10), command)
        left += family(command)
        command.kill()
        before = check(out / "r", before)
        if turn % 5 == 4:
            end(commands, arguments, out, expected, before)
            number, before = number + 1, NOTHING
    end(commands, arguments, tmp_path / f"{number}", expected, before)
    gone(left, command.pid, LINGER)


def end(commands: Commands, arguments: tuple[object, ...], out: Path, expected: Path, before: object) -> None:
    command = commands.run(*arguments, out)
    assert command.wait() == 0, command.stderr
    check_end(out / "r", expected, before)  # type: ignore[arg-type]
    gone(family(command), command.pid)


def strike(
    blow: Callable[[psutil.Process], None],
    commands: Commands,
    micro: Path,
    tmp_path: Path,
    expected: Path,
    seeds: Iterator[int],
    *options: str,
) -> Iterator[Path]:
    """Strike a training worker for each seed, and give its run. Runs are seen to their end.

    A blow to a worker that has nothing to do any more does not count.
    """
    number, command = 0, None
    for seed in seeds:
        moments, hit = random.Random(seed), False
        while not hit:
            out = tmp_path / f"{number}"
            if command is None:
                command = commands("run", micro, *LONG, *RUN, out, "--max-failures", "20", *options)
            wait_for_epochs(out / "r", epochs_of(out / "r") + moments.randint(1, 30), command)
            if (worker := a_worker(command, moments)) is not None:
                before = len(reasons(out / "r"))
                with contextlib.suppress(psutil.NoSuchProcess):
                    blow(worker)
                if hit := await_failure(out / "r", before):
                    _, alive = psutil.wait_procs([worker], timeout=LINGER)
                    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
            else:
                assert command.wait() == 0, command.stderr
                check_end(out / "r", expected)
                number, command = number + 1, None
        yield out / "r"
    assert command is not None
    assert command.wait() == 0, command.stderr
    assert "Traceback" not in command.stderr
    check_end(out / "r", expected)
    gone(family(command), command.pid)


@pytest.mark.fault("F7")
def test_a_worker_is_killed(commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat) -> None:
    """The run goes on, and ends as if nothing had happened."""
    for run in strike(psutil.Process.kill, commands, micro, tmp_path, whole(*LONG), repeat(1, 10)):
        assert reasons(run)[-1].startswith("worker lost")


@pytest.mark.fault("F8")
def test_a_worker_is_stopped(commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat) -> None:
    """The watchdog ends it, and its trial is tried again."""
    suspend, expected = psutil.Process.suspend, whole(*LONG)
    for run in strike(suspend, commands, micro, tmp_path, expected, repeat(1, 5), "--stall-timeout", "5s"):
        assert reasons(run)[-1] == "worker lost: no heartbeat for 5s (--stall-timeout)"


def await_failure(run: Path, before: int) -> bool:
    """Until the ledger tells of one more failure. False where the struck worker had nothing to do any more."""
    deadline = time.monotonic() + 20
    while len(found := reasons(run)) <= before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    assert all(reason.startswith("worker lost") for reason in found)
    return True


@pytest.mark.fault("F7")
@pytest.mark.parametrize(("name", "all_of"), [("raylet", 3), ("gcs_server", 2)])
def test_a_service_of_ray_is_killed(
    name: str, all_of: int, commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat
) -> None:
    """The run says so within seconds, and a resume completes it."""
    for seed in repeat(1, all_of):
        out = tmp_path / f"{seed}"
        command = commands("run", micro, *LONG, *RUN, out)
        wait_for_epochs(out / "r", random.Random(seed).randint(1, 60), command)
        members = family(command)
        (service,) = [member for member in members if member.name() == name]
        service.kill()
        says(command, 1, "Error: Ray has died", name, f"resume with: sweep resume r --out {out}")
        assert command.stdout == ""
        gone(members, command.pid, LINGER)
        before = check(out / "r")
        resumed = commands.run("resume", "r", "--out", out, "--executor", "inline")
        assert resumed.wait() == 0, resumed.stderr
        check_end(out / "r", whole(*LONG), before)


@pytest.mark.fault("F9")
@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM] * 2], ids=["SIGINT", "SIGTERM twice"])
def test_a_signal_at_a_random_moment(
    signals: Sequence[signal.Signals], commands: Commands, micro: Path, tmp_path: Path, whole: Whole, repeat: Repeat
) -> None:
    """Most moments are while Ray starts: its own handlers, and a stop in the middle of it, must not cost the words."""
    for seed in repeat(1, 3):
        moments, out = random.Random(seed), tmp_path / f"{seed}"
        command = commands("run", micro, *LONG, *RUN, out)
        wait_for_start(out / "r", command)
        time.sleep(moments.uniform(0, START / 2))
        members = set(family(command))
        for number in signals:
            command.send(number)
            deadline = time.monotonic() + moments.uniform(0, 1)
            while time.monotonic() < deadline:
                members |= set(family(command))
        while not command.ended:  # what has begun to start goes on starting
            members |= set(family(command))
        says(command, 128 + signals[0], f"resume with: sweep resume r --out {out}")
        gone(list(members), command.pid, LINGER)
        before = check(out / "r")
        assert commands.run("resume", "r", "--out", out, "--executor", "inline").wait() == 0
        check_end(out / "r", whole(*LONG), before)


def wait_for_start(run: Path, command: Command) -> None:
    """Until the session is at work: from then on a signal is answered with the way on."""
    deadline = time.monotonic() + PATIENCE
    while not (run / "ledger.jsonl").exists():
        assert not command.ended, command.stderr
        assert time.monotonic() < deadline, f"no run: {command.stderr}"
        time.sleep(0.01)
