"""The Ray executor: same results, nothing left behind, no outside connections, and no result lost with a worker.

Each test starts the real command in a separate process and observes it from outside.
"""

import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from subprocess import Popen

import psutil
import pytest
from click.testing import Result

from sweep.execution.ray_backend import private_folder
from sweep.execution.ray_backend.private_folder import PREFIX, TEMPORARY
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state
from sweep.store.status import Status
from tests.sweep.conftest import essence

Spawn = Callable[[Sequence[object]], "Popen[str]"]
Sweep = Callable[..., Result]

LONGER = ("--set", "epochs=12", "--concurrency", "2")  # long enough to be watched


@pytest.fixture
def expected(sweep: Sweep, micro: Path, out: Path, request: pytest.FixtureRequest) -> list[dict[str, object]]:
    """The leaderboard of the longer micro run, by the in-process executor."""
    assert (
        sweep("run", micro, *LONGER[:2], "--executor", "inline", "--name", "r", "--out", f"{out}-inline").exit_code == 0
    )
    return essence(Path(f"{out}-inline") / "r")


def children(process: "Popen[str]") -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def is_worker(process: psutil.Process) -> bool:
    """Whether a process of Ray's trains."""
    try:
        return any("Trainable" in part for part in process.cmdline()[:1])
    except psutil.NoSuchProcess:
        return False


def listening(process: "Popen[str]") -> set[str]:
    """Addresses that the processes of a run listen at."""
    found = set()
    for member in [psutil.Process(process.pid), *children(process)]:
        try:
            sockets = member.net_connections(kind="inet")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        # An IPv4 address as IPv6 sockets write it is that IPv4 address.
        found |= {socket.laddr.ip.removeprefix("::ffff:") for socket in sockets if socket.status == psutil.CONN_LISTEN}
    return found


def wait_for_epochs(run: Path, count: int, process: "Popen[str]") -> None:
    """Until the ledger holds `count` epochs."""
    for _ in range(1200):
        if process.poll() is not None:
            raise AssertionError(f"ended early: {process.communicate()}")
        if (run / "ledger.jsonl").exists() and (run / "ledger.jsonl").read_text().count('"event":"epoch"') >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no progress")


def private_folders(pid: int) -> list[Path]:
    return list(TEMPORARY.glob(f"{PREFIX}{pid}-*"))


def test_it_equals_the_inline_executor_and_leaves_nothing(
    spawn: Spawn, micro: Path, out: Path, expected: list[dict[str, object]]
) -> None:
    process = spawn(["run", micro, *LONGER, "--name", "r"])
    wait_for_epochs(out / "r", 3, process)
    (folder,) = [path for path in private_folders(process.pid) if (path / "token").exists()]
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "token").stat().st_mode & 0o077 == 0
    seen, family = listening(process), children(process)
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr
    assert seen, "a run listens somewhere: else this test looks at nothing"
    assert all(ip_address(address).is_loopback for address in seen), seen
    assert [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []
    assert private_folders(process.pid) == []
    assert essence(out / "r") == expected


def test_a_killed_worker_is_replaced_and_costs_no_result(
    spawn: Spawn, micro: Path, out: Path, expected: list[dict[str, object]]
) -> None:
    process = spawn(["run", micro, *LONGER, "--name", "r"])
    wait_for_epochs(out / "r", 3, process)
    while not (workers := [member for member in children(process) if is_worker(member)]):
        assert process.poll() is None, "it ended before a worker was seen"  # Ray renames workers while they start
    workers[0].kill()
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr
    assert "worker lost: " in stderr
    assert "no reason given" not in stderr
    assert essence(out / "r") == expected
    assert max(trial.attempt for trial in load_state(RunFolder(out / "r")).trials.values()) == 2


@pytest.mark.slow
def test_concurrency_does_not_change_results(
    spawn: Spawn, micro: Path, out: Path, expected: list[dict[str, object]]
) -> None:
    process = spawn(["run", micro, *LONGER[:2], "--concurrency", "1", "--name", "r"])
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr
    assert essence(out / "r") == expected


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_three_times_it_ends_as_if_uninterrupted(
    spawn: Spawn, micro: Path, out: Path, expected: list[dict[str, object]]
) -> None:
    """SIGKILL at three moments; nothing that had finished is trained again."""
    done: set[str] = set()
    for epochs in (3, 17, 30):
        process = spawn(["run", micro, *LONGER, "--name", "r"])
        wait_for_epochs(out / "r", epochs, process)
        family = children(process)
        process.kill()
        process.wait()
        workers = [member for member in family if is_worker(member)]
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert alive == []
        _, alive = psutil.wait_procs(family, timeout=90)  # Ray's agents look after their parent now and then only
        assert alive == []
        trials = load_state(RunFolder(out / "r")).trials
        assert done <= {name for name, trial in trials.items() if trial.status is Status.COMPLETED}
        done = {name for name, trial in trials.items() if trial.status is Status.COMPLETED}
    attempts = {name: load_state(RunFolder(out / "r")).trials[name].attempt for name in done}
    process = spawn(["resume", "r"])
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr
    assert essence(out / "r") == expected
    after = load_state(RunFolder(out / "r")).trials
    assert {name: after[name].attempt for name in done} == attempts
    assert done


@pytest.mark.slow
def test_relative_paths_reach_the_workers(
    spawn: Spawn, micro: Path, poems: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(poems.parent)
    process = spawn(["run", micro, "--set", f"data={poems.name}", "--name", "r"])
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr


def test_only_folders_that_nobody_holds_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_folder, "TEMPORARY", tmp_path)
    foreign, left = tmp_path / f"{PREFIX}1-thesis", tmp_path / f"{PREFIX}2-x"
    foreign.mkdir()
    left.mkdir()
    (left / private_folder.OWNER).touch()
    with private_folder.private_folder() as held:
        assert not left.exists()
        with private_folder.private_folder():
            assert held.exists()
    assert list(tmp_path.iterdir()) == [foreign]


def test_processes_of_an_abandoned_run_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_folder, "TEMPORARY", tmp_path)
    left, held = tmp_path / f"{PREFIX}2-x", tmp_path / f"{PREFIX}3-x"
    for folder in (left, held):
        folder.mkdir()
        (folder / private_folder.OWNER).touch()
    idle = "import time; time.sleep(60)"
    agent, other = (Popen([sys.executable, "-c", idle, f"{folder}/r"], text=True) for folder in (left, held))
    with (held / private_folder.OWNER).open() as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        private_folder.clear_left_folders()
        assert agent.wait(timeout=10) == -signal.SIGKILL
        assert other.poll() is None
        assert not left.exists()
        assert held.exists()
    other.kill()
    other.wait()


@pytest.mark.slow
def test_interrupt_names_the_resume_command(
    spawn: Spawn, micro: Path, out: Path, expected: list[dict[str, object]]
) -> None:
    process = spawn(["run", micro, *LONGER, "--name", "r"])
    wait_for_epochs(out / "r", 5, process)
    family = children(process)
    process.terminate()
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 143, stderr
    assert "resume with: sweep resume r" in stderr
    assert [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []
    process = spawn(["resume", "r"])
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr
    assert essence(out / "r") == expected


@pytest.mark.slow
def test_trials_share_gpus_and_never_more_than_fit(micro: Path, out: Path) -> None:
    """Four cores and one made-up GPU, half of it for each trial: two at a time."""
    command = [sys.executable, "-m", "tests.sweep.execution.shared_gpus", str(micro), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", *["COMPLETED"] * 4]
