"""A micro study: the real tasks, bases and code on six short poems, so that a trial takes a tenth of a second."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from sweep.cli.commands import main
from sweep.execution.interrupts import SIGNALS, Interrupts
from sweep.planning.plan import Plan, make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand
from sweep.reporting.leaderboard import TIMING_COLUMNS

POEMS = [
    ["The winter came", "and took the leaf away,", "it left the bough", "a house of snow,", "and thee to stay."],
    ["O gentle night,", "thou art a quiet friend,", "thy stars are slow,", "thy silence has no end."],
    ["When roses fade", "the thorn is still the thorn,", "and so is love", "that was in anger born."],
]
SPACE = '''"""A micro space: 4 points, 4 trainings."""

from sweep import Space, grid

space = Space(
    fixed={{"epochs": 2, "batch_size": 2, "lr": 0.01, "data": {data!r}}},
    axes={{"lora.rank": grid(1, 2), "lora.dropout": grid(0.0, 0.5)}},
    decoding={{"max_new_tokens": 6}},
)
'''


@pytest.fixture(scope="session")
def poems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data file of six poems in the sonnets' format."""
    path = tmp_path_factory.mktemp("data") / "poems.txt"
    numbered = [f"{number}\n\n" + "\n".join(poem) for number, poem in enumerate(POEMS * 2, start=1)]
    path.write_text("POEMS\n\n" + "\n\n".join(numbered) + "\n")
    return path


@pytest.fixture
def micro(tmp_path: Path, poems: Path) -> Path:
    """The micro space's file."""
    path = tmp_path / "micro.py"
    path.write_text(SPACE.format(data=str(poems)))
    return path


@pytest.fixture
def micro_plan(micro: Path) -> Plan:
    return make_plan(expand(load_space(str(micro)).space, {}), seeds=1)


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    """Not listening yet. It leaves signals ignored, which the tests to come are not to find."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Interrupts()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where runs go."""
    return tmp_path / "results"


@pytest.fixture
def sweep(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command, called in this process from a folder of its own: sweep("run", path, "--executor", "inline")."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SWEEP_OUT", str(out))

    def call(*arguments: object) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def finished(sweep: Callable[..., Result], micro: Path, out: Path) -> Path:
    """The folder of a micro run that is done."""
    assert sweep("run", micro, "--executor", "inline").exit_code == 0
    return out / "micro"


@pytest.fixture
def spawn(out: Path) -> Iterator[Callable[[Sequence[object]], "subprocess.Popen[str]"]]:
    """The command as a process of its own; what is left of it is killed at the end."""
    processes = []

    def start(arguments: Sequence[object]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "sweep.cli", *map(str, arguments), "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def essence(run: Path) -> list[dict[str, object]]:
    """A run's leaderboard without what differs between two equal runs, and the texts it generated."""
    table = pq.read_table(run / "leaderboard.parquet").to_pylist()
    texts = pq.read_table(run / "samples.parquet").to_pylist()
    rows = [{name: value for name, value in row.items() if name not in TIMING_COLUMNS} for row in table]
    return [*rows, *texts]
