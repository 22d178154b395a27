"""The registry of report formats, and custom formats."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.errors import RunError
from sweep.reporting.formats import FORMATS, Report, find_format
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state


@pytest.fixture
def report(finished: Path) -> Report:
    folder = RunFolder(finished)
    return Report(folder=folder, state=load_state(folder), rows=load_rows(folder), top=2)


def test_every_format_lists_the_top_rows(report: Report) -> None:
    assert len(json.loads(FORMATS["json"](report))) == 2
    assert len(list(csv.DictReader(io.StringIO(FORMATS["csv"](report))))) == 2
    assert FORMATS["md"](report).count("| COMPLETED |") == 2
    assert FORMATS["table"](report).count("COMPLETED") == 2
    assert FORMATS["latex"](report).count(r"& COMPLETED &") == 2


def test_registered_format_renders_a_report(
    sweep: Callable[..., Result], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "count", lambda report: f"{len(report.shown)} of {len(report.rows)} rows")
    assert sweep("report", "micro", "--format", "count", "--top", "3").stdout == "3 of 4 rows\n"


def test_a_format_may_be_a_function_in_the_working_folder(
    sweep: Callable[..., Result], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("own_format_x.py").write_text("def ids(report):\n    return report.rows[0]['point_id']\nnumber = 1\n")
    found = sweep("report", "micro", "--format", "own_format_x:ids").stdout
    assert found.strip() == load_rows(RunFolder(finished))[0]["point_id"]
    refused = sweep("report", "micro", "--format", "own_format_x:number")
    assert refused.exit_code == 2
    assert "own_format_x:number must be of type Callable, not int" in refused.stderr


def test_an_unknown_format_is_named_with_the_nearest() -> None:
    with pytest.raises(
        RunError, match="--format: unknown name 'jsn': did you mean 'json'\\? Known: table, json, csv, md, latex"
    ):
        find_format("jsn")
