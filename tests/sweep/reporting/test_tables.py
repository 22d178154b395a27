"""Reports: every format, the rows and columns shown, and escaping."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.reporting.leaderboard import schema
from sweep.reporting.tables import _safe, baseline_line, csv_text, json_text, sort_rows

Sweep = Callable[..., Result]


def test_json_is_valid_and_has_every_column(sweep: Sweep, finished: Path) -> None:
    content = json.loads(sweep("report", "--format", "json").stdout)
    assert len(content) == 4
    assert all(list(row) == schema().names for row in content)
    assert content[0]["rank"] == 1


def test_csv_has_every_column(sweep: Sweep, finished: Path) -> None:
    content = list(csv.DictReader(io.StringIO(sweep("report", "--format", "csv").stdout)))
    assert len(content) == 4
    assert list(content[0]) == schema().names


@pytest.mark.parametrize("form", ["table", "md"])
def test_tables_show_varying_settings_and_the_baseline(sweep: Sweep, finished: Path, form: str) -> None:
    text = sweep("report", "--format", form).stdout
    assert "base tiny" in text
    assert "baseline: dev_loss" in text
    (header,) = (line for line in text.splitlines() if "lora.rank" in line and "status" in line)
    assert "batch_size" not in header
    (constants,) = (line for line in text.splitlines() if line.startswith("in every row: data "))
    assert ", epochs 2, batch_size 2, lr 0.01, optimizer adamw, " in constants
    assert text.count("COMPLETED") == 4


@pytest.mark.parametrize("form", ["table", "md"])
def test_varying_settings_come_from_the_whole_run(sweep: Sweep, finished: Path, form: str) -> None:
    def header(*arguments: str) -> str:
        text = sweep("report", "--format", form, *arguments).stdout
        return next(line for line in text.splitlines() if "rank" in line and "status" in line)

    for top in ("1", "2", "3"):
        assert header("--top", top).split() == header().split()


def test_columns_may_be_chosen(sweep: Sweep, finished: Path) -> None:
    content = list(csv.DictReader(io.StringIO(sweep("report", "--format", "csv", "--columns", "chrf,seed").stdout)))
    assert [list(row) for row in content] == [["chrf", "seed"]] * 4
    (row, *_) = json.loads(sweep("report", "--format", "json", "--columns", "lora.rank").stdout)
    assert list(row) == ["lora.rank"]
    assert (
        "| rank | peak_memory_bytes |"
        in sweep("report", "--format", "md", "--columns", "rank,peak_memory_bytes").stdout
    )
    assert "trainable_share" in sweep("report", "--columns", "rank,trainable_share").stdout
    refused = sweep("report", "--columns", "rank,chr")
    assert refused.exit_code == 2
    assert "--columns chr: no such column. Known: run, point_id" in refused.stderr


def test_top_and_sort(sweep: Sweep, finished: Path) -> None:
    by_loss = json.loads(sweep("report", "--format", "json", "--sort", "dev_loss").stdout)
    assert [row["dev_loss"] for row in by_loss] == sorted(row["dev_loss"] for row in by_loss)
    by_score = json.loads(sweep("report", "--format", "json", "--sort", "chrf_new", "--top", "2").stdout)
    assert len(by_score) == 2
    assert by_score[0]["chrf_new"] >= by_score[1]["chrf_new"]
    assert "2 more rows" in sweep("report", "--top", "2").stdout


def test_missing_values_sort_last() -> None:
    rows = [{"dev_loss": None}, {"dev_loss": 2.0}, {"dev_loss": float("nan")}, {"dev_loss": 1.0}]
    assert [str(row["dev_loss"]) for row in sort_rows(rows, "dev_loss")] == ["1.0", "2.0", "None", "nan"]


def test_row_without_a_baseline_is_not_compared() -> None:
    rows = [{"chrf": 41.0, "base_chrf": 40.0}, {"chrf": 39.0}]
    assert baseline_line(rows) == "baseline: chrf 40.000 (beaten by 1 of 1 rows)"


def test_nonfinite_loss_is_null_in_json_and_empty_in_csv() -> None:
    rows = [{"train_loss": float("inf"), "dev_loss": float("nan")}]
    (row,) = json.loads(json_text(None, rows))
    assert row["train_loss"] is None
    assert row["dev_loss"] is None
    assert "inf" not in csv_text(None, rows).splitlines()[1]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        (" @x", "' @x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        (-1.5, -1.5),
        ("-1", "'-1"),
        ("", ""),
        ("tiny", "tiny"),
    ],
)
def test_a_spreadsheet_runs_no_text_and_reads_every_number(value: object, written: object) -> None:
    assert _safe(value) == written
