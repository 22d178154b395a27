"""`sweep report` in real terminals of several widths shows complete columns and rows."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sweep.reporting.columns import OPTIONAL, table_columns
from sweep.reporting.leaderboard import Row, draw_sds, load_rows
from sweep.reporting.numbers import cell_format
from sweep.store.run_folder import RunFolder
from tools.terminal_picture import in_terminal

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
WIDTHS = (80, 100, 120, 200)


def lines_in_terminal(width: int, *arguments: str) -> list[str]:
    """What the command prints to a terminal of `width` columns, line by line, without colours."""
    printed = in_terminal(width, [sys.executable, "-m", "sweep.cli", *arguments])
    return re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()


def needed(name: str) -> tuple[list[Row], list[str]]:
    """The rows of a reference run, and the columns that every width must show."""
    rows = load_rows(RunFolder(REFERENCE / name))
    optional = {*OPTIONAL, *draw_sds(rows)} - {"chrf"}
    return rows, [column for column in table_columns(rows) if column not in optional]


def is_shown(line: str, row: Row, names: Sequence[str], rows: Sequence[Row]) -> bool:
    """Whether `line` holds the row's values of the columns `names`, whole and in order; marks aside."""
    rest = f" {' '.join(line.replace('<', ' ').split())} "
    for name in names:
        values = [row.get(name) for row in rows]
        texts = {cell_format(name, values, short=short)(row.get(name)) for short in (False, True)}
        if texts == {""}:
            continue
        ends = [rest.index(f" {text} ") + len(text) + 1 for text in texts if f" {text} " in rest]
        if not ends:
            return False
        rest = rest[min(ends) :]
    return True


def rules(lines: Sequence[str]) -> list[int]:
    """The places of the lines below the headers. A table that is too wide stands in parts, one below the other."""
    return [number for number, line in enumerate(lines) if line and not line.strip("─")]


def bodies(lines: Sequence[str], count: int) -> list[str]:
    """The `count` rows of a table, each with its cells in all parts; the further parts repeat rank and status."""
    first, *further = ([*lines[rule + 1 : rule + 1 + count]] for rule in rules(lines))
    parts = [first, *([line.split(maxsplit=2)[2] for line in part] for part in further)]
    return [" ".join(cells) for cells in zip(*parts, strict=True)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["lora_rank", "combinations"])
def test_every_row_is_on_one_line(name: str, width: int) -> None:
    rows, names = needed(name)
    lines = lines_in_terminal(width, "report", name, "--rows", "--out", str(REFERENCE))
    for line, row in zip(bodies(lines, len(rows)), rows, strict=True):
        assert is_shown(line, row, names, rows), (line, [row.get(name) for name in names])
    for rule in rules(lines):
        assert max(len(line.rstrip()) for line in lines[rule : rule + 1 + len(rows)]) <= width
        assert not lines[rule + 1 + len(rows)].strip()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["lora_rank", "combinations"])
def test_every_header_is_whole(name: str, width: int) -> None:
    """A header is on one line, or its parts stand on several; the last lines explain what is short."""
    _, names = needed(name)
    lines = lines_in_terminal(width, "report", name, "--rows", "--out", str(REFERENCE))
    header = " ".join(line for rule in rules(lines) for line in lines[max(2, rule - 3) : rule])
    explained = dict(re.findall(r"(\w+) = (\w+)", " ".join(lines[rules(lines)[-1] :])))
    for column in names:
        for part in column.split("."):
            spellings = [part, *(short for short, whole in explained.items() if whole == part)]
            broken = all(piece in header for piece in part.split("_"))
            assert broken or any(re.search(rf"\b{spelling}\b", header) for spelling in spellings), (column, header)


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_left_out_are_named(width: int) -> None:
    lines = lines_in_terminal(width, "report", "combinations", "--rows", "--out", str(REFERENCE))
    (first,) = (number for number, line in enumerate(lines) if line.startswith("columns left out: "))
    end = next(number for number, line in enumerate(lines) if number > first and not line.strip())
    last = " ".join(" ".join(lines[first:end]).removeprefix("columns left out: ").split())
    assert "train_seconds" in last
    assert last.endswith("use --wide to show all, or --columns A,B to choose")
    wide = lines_in_terminal(width, "report", "combinations", "--rows", "--out", str(REFERENCE), "--wide")
    assert "columns left out" not in " ".join(wide)
    assert "train_seconds" in " ".join(wide)


def test_settings_shown_do_not_depend_on_the_row_limit() -> None:
    def header(*arguments: str) -> list[str]:
        lines = lines_in_terminal(80, "report", "lora_rank", "--rows", "--out", str(REFERENCE), *arguments)
        return next(line for line in lines if line.startswith("rank")).split()

    assert header("--top", "1") == header("--top", "2") == header("--top", "3") == header()
    assert header()[:6] == ["rank", "status", "seed", "rank", "scale", "dropout"]


def test_numbers_are_short_and_separated() -> None:
    lines = lines_in_terminal(200, "report", "lora_rank", "--rows", "--out", str(REFERENCE))
    assert any("2,304" in line for line in lines)
    assert not re.search(r"\d{5}", " ".join(lines))
