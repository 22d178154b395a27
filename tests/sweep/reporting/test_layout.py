"""Tables of any width: columns are shown completely or not at all."""

import pytest
from rich.text import Text

from sweep.reporting.layout import Column, lay_out

VALUES = {
    "rank": ["1", "2"],
    "status": ["COMPLETED", "STOPPED"],
    "lora.rank": ["2", "64"],
    "lora.dropout": ["0.05", "0.1"],
    "decode.generations": ["", "3"],
    "chrf": ["40.820", "38.100"],
    "dev_loss": ["4.583", "4.544"],
    "train_seconds": ["12.7", "1,215.0"],
}
DROPPABLE = ["train_seconds", "chrf"]
KEYS = 2


def columns() -> list[Column]:
    return [
        Column(
            name=name,
            cells=[Text(cell) for cell in cells],
            short_cells=[Text(cell.removesuffix("0")) for cell in cells],
            is_left=name == "status",
        )
        for name, cells in VALUES.items()
    ]


@pytest.mark.parametrize("width", range(22, 120))
def test_no_line_is_wider_and_no_cell_is_cut(width: int) -> None:
    layout = lay_out(columns(), DROPPABLE, KEYS, width)
    assert max(len(line.plain.rstrip()) for line in layout.lines) <= width
    words = " ".join(line.plain for line in layout.lines).split()
    for name in [name for name in VALUES if name not in layout.left_out]:
        for cell in filter(None, VALUES[name]):
            assert cell in words or cell.removesuffix("0") in words


@pytest.mark.parametrize("width", range(22, 120))
def test_least_informative_column_is_dropped_first(width: int) -> None:
    left_out = list(lay_out(columns(), DROPPABLE, KEYS, width).left_out)
    assert left_out == DROPPABLE[: len(left_out)]


def test_columns_are_dropped_only_if_needed() -> None:
    assert list(lay_out(columns(), DROPPABLE, KEYS, 120).left_out) == []
    assert list(lay_out(columns(), DROPPABLE, KEYS, 75).left_out) == ["train_seconds"]
    assert list(lay_out(columns(), DROPPABLE, KEYS, 30).left_out) == DROPPABLE


def test_headers_get_shorter() -> None:
    def header(width: int | None) -> list[str]:
        lines = [line.plain for line in lay_out(columns(), (), KEYS, width).lines]
        rule = next(number for number, line in enumerate(lines) if "─" in line and not line.strip("─"))
        return " ".join(lines[:rule]).split()

    assert "decode.generations" in header(None)
    assert "decode.generations" in header(100)
    assert {"lora", "decode", "generations", "dev_loss"} <= set(header(80))
    assert {"lora", "decode", "gens", "dev", "loss"} <= set(header(62))
    assert lay_out(columns(), (), KEYS, 62).short_names == {"gens": "generations"}


def test_blocks_repeat_the_keys() -> None:
    """Far too narrow: every block says which row is which."""
    lines = [line.plain for line in lay_out(columns(), DROPPABLE, KEYS, 30).lines]
    assert sum(line.startswith("   1 COMPLETED") for line in lines) > 1
    assert sum("rank status" in line for line in lines) == sum(line.startswith("   1 COMPLETED") for line in lines)


def test_a_table_without_rows() -> None:
    empty = [Column(name=name, cells=[], short_cells=[]) for name in VALUES]
    assert len(lay_out(empty, (), KEYS, None).lines) == 2
