"""Counts how often each fault is injected.

Without `--chaos`, every test injects a sample of its faults; with it, all of them. A test names its fault of the table
with `@pytest.mark.fault("F5")`. Random moments are derived from seeds, which are printed on failure.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos.processes import ENVIRONMENT, Commands, zygote_threads
from tests.sweep.conftest import SPACE, finished, micro, micro_plan, out, poems, spawn, sweep

__all__ = ["finished", "micro", "micro_plan", "out", "poems", "spawn", "sweep"]  # fixtures that are found here


@dataclass
class Tally:
    """Runs and failures by fault."""

    runs: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


TALLY = pytest.StashKey[Tally]()
Repeat = Callable[[int, int], Iterator[int]]
Whole = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Tally()


def fault_of(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("fault")
    return None if marker is None else str(marker.args[0])


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the full number of faults is wanted."""
    return bool(request.config.getoption("--chaos"))


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """count(n): n faults were tried."""
    tally, fault = request.config.stash[TALLY], fault_of(request.node)
    assert fault is not None, "say which fault this is: @pytest.mark.fault(...)"

    def add(number: int) -> None:
        tally.runs[fault] = tally.runs.get(fault, 0) + number

    return add


@pytest.fixture
def repeat(request: pytest.FixtureRequest, full: bool, count: Callable[[int], None]) -> Repeat:
    """repeat(sample, all): a seed for each time that a fault is to be tried, counted."""

    def seeds(sample: int, number: int) -> Iterator[int]:
        for turn in range(number if full else sample):
            name = f"{request.node.name}:{turn}"
            seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
            print(f"turn {turn}, seed {seed}")
            count(1)
            yield seed

    return seeds


@pytest.fixture(scope="session")
def zygote() -> None:
    """Commands fork from a process that has imported everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        assert zygote_threads() == 1, "a process with several threads must not fork"


@pytest.fixture
def commands(zygote: None, tmp_path: Path) -> Iterator[Commands]:
    """Start the command, in a folder of its own: commands("run", path, "--name", "r")."""
    started = Commands(tmp_path / "work")
    yield started
    started.end()


@pytest.fixture(scope="session")
def whole(zygote: None, poems: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """whole("--set", "epochs=5"): the folder of that run of the micro space, never interrupted; made once."""
    folder = tmp_path_factory.mktemp("whole")
    commands, made = Commands(folder), dict[tuple[str, ...], Path]()
    (folder / "micro.py").write_text(SPACE.format(data=str(poems)))

    def run(*settings: str) -> Path:
        if settings not in made:
            out = folder / f"{len(made)}"
            arguments = (folder / "micro.py", "--executor", "inline", "--name", "r", "--out", out)
            command = commands.run("run", *arguments, *settings)
            assert command.wait() == 0, command.stderr
            made[settings] = out / "r"
        return made[settings]

    yield run
    commands.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Iterator[None]:
    report: pytest.TestReport = yield
    tally, fault = item.config.stash[TALLY], fault_of(item)
    if fault is not None:
        tally.seconds[fault] = tally.seconds.get(fault, 0.0) + report.duration
        tally.failures[fault] = tally.failures.get(fault, 0) + (report.outcome == "failed")
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tally = config.stash[TALLY]
    if not config.getoption("--chaos") or not tally.runs:
        return
    terminalreporter.section("faults")
    terminalreporter.line(f"{'fault':8}{'runs':>8}{'failures':>10}{'seconds':>9}")
    for fault in sorted(tally.runs, key=lambda name: int(name[1:])):
        terminalreporter.line(
            f"{fault:8}{tally.runs[fault]:8,}{tally.failures.get(fault, 0):10,}{tally.seconds[fault]:9.0f}"
        )
