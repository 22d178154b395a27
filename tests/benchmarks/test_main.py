"""The command: which rows run, and when it overwrites the page."""

import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import benchmarks
from benchmarks import __main__ as command
from benchmarks import results
from benchmarks.measurement import Measurement, ratio

PAIRS = [(1.0, 2.0)]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let each source yield a line for its row at once, and write the page elsewhere."""
    rows = {f"benchmarks.{source}": number for number, row in command.ROWS.items() for source in row.sources}

    def resolve(name: str) -> Any:
        def measure() -> Iterator[Measurement]:
            yield ratio(rows[name], name, PAIRS, 0.85)

        return measure

    monkeypatch.setattr(pkgutil, "resolve_name", resolve)
    monkeypatch.setattr(results, "PAGE", tmp_path / "RESULTS.md")
    return tmp_path / "RESULTS.md"


@pytest.mark.parametrize("source", sorted({source for row in command.ROWS.values() for source in row.sources}))
def test_every_source_exists(source: str) -> None:
    assert callable(pkgutil.resolve_name(f"benchmarks.{source}"))


def test_all_rows_write_the_page(page: Path, capsys: Any) -> None:
    command.main([])
    printed = [text.split()[0] for text in capsys.readouterr().out.splitlines()[1:-1]]
    assert list(dict.fromkeys(printed)) == [str(number) for number in command.ROWS]
    assert f"{len(printed)} of {len(printed)} lines pass" in page.read_text()


def test_some_rows_write_it_only_if_asked(page: Path, capsys: Any) -> None:
    command.main(["4", "7"])
    assert [text.split()[0] for text in capsys.readouterr().out.splitlines()] == ["row", "4", "4", "7"]
    assert not page.exists()
    command.main(["7", "--write"])
    assert "benchmarks.memory:measure" in page.read_text()


def test_the_list_names_every_row(capsys: Any) -> None:
    command.main(["--list"])
    assert [int(text.split()[0]) for text in capsys.readouterr().out.splitlines()] == list(command.ROWS)


def test_an_unknown_row_is_refused(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        command.main(["12"])
    assert "no row 12; the rows are 1, 2, 3, " in capsys.readouterr().err


def test_importing_benchmarks_does_not_import_ray() -> None:
    """Ray reads its environment when it is imported; a test that starts Ray in this process sets it before."""
    names = [f"benchmarks.{module.name}" for module in pkgutil.iter_modules(benchmarks.__path__)]
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {names}]; assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
