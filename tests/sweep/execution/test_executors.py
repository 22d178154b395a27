"""The registry of executors."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.errors import RunError
from sweep.execution.executor import InlineExecutor
from sweep.execution.executors import EXECUTORS, ExecutorEntry, make_executor
from sweep.prepare import RunRequest, prepare


def test_registered_executor_is_made(micro: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is checked with the request and makes the executor of the run."""
    made: list[object] = []

    def make(*arguments: object) -> InlineExecutor:
        made.extend(arguments)
        return InlineExecutor()

    monkeypatch.setitem(EXECUTORS, "own", ExecutorEntry(make=make, help="run trials elsewhere"))
    spec = prepare(RunRequest(space=str(micro), out=out, executor="own")).spec
    assert isinstance(make_executor(spec, spec.limits, 3, "host:1"), InlineExecutor)
    assert made == [spec, spec.limits, 3, "host:1"]


def test_an_unknown_executor_is_found_before_anything_is_written(micro: Path, out: Path) -> None:
    with pytest.raises(RunError, match="--executor: unknown name 'rya': did you mean 'ray'\\? Known: ray, inline"):
        prepare(RunRequest(space=str(micro), out=out, executor="rya"))
    assert not out.exists()


def test_command_offers_registered_executors(sweep: Callable[..., Result]) -> None:
    help_text = " ".join(sweep("run", "--help").stdout.split())
    assert "[ray|inline]" in help_text
    for name, entry in EXECUTORS.items():
        assert f"{name}: {entry.help}" in help_text
