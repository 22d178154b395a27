"""Lay out a table in the width of a terminal. Columns are shown in full or dropped; no cell is cut or wrapped.

There are three styles, from wide to narrow: full headers (`lora.rank`), headers on two lines (`lora` above `rank`), and
short headers with short numbers. If the columns that must be shown still do not fit, the table is split into blocks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

SHORT_NAMES = {"generations": "gens", "optimizer": "optim", "temperature": "temp", "max_new_tokens": "tokens"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its name, its cells, and a shorter form of the same cells."""

    name: str
    cells: Sequence[Text]
    short_cells: Sequence[Text]
    is_left: bool = False  # whether to align cells to the left


@dataclass(frozen=True, kw_only=True)
class Style:
    """A style of writing columns."""

    gap: int  # spaces between two columns
    split: bool  # whether headers span several lines
    short: bool  # whether headers are abbreviated and numbers short


WHOLE = Style(gap=2, split=False, short=False)
SPLIT = Style(gap=2, split=True, short=False)
SHORT = Style(gap=1, split=True, short=True)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The lines of a table, and the dropped columns and abbreviations to explain below it."""

    lines: Sequence[Text]
    left_out: Sequence[str]  # names of dropped columns
    short_names: dict[str, str]  # abbreviation -> name, for the abbreviations in use


def lay_out(columns: Sequence[Column], droppable: Sequence[str], keys: int, width: int | None) -> Layout:
    """Lay out `columns` in `width` characters (None: no limit).

    Columns in `droppable` are dropped in that order if needed. Every block starts with the first `keys` columns.
    """
    if width is None or _width(columns, WHOLE) <= width:
        return Layout(lines=_lines(columns, WHOLE), left_out=(), short_names={})
    for style in (SPLIT, SHORT):
        for count in range(len(droppable) + 1):
            shown = [column for column in columns if column.name not in droppable[:count]]
            if _width(shown, style) <= width:
                return _layout([shown], style, droppable[:count])
    shown = [column for column in columns if column.name not in droppable]
    return _layout(_blocks(shown, keys, width), SHORT, droppable)


def _layout(blocks: Sequence[Sequence[Column]], style: Style, left_out: Sequence[str]) -> Layout:
    lines: list[Text] = []
    for block in blocks:
        lines += ([Text()] if lines else []) + _lines(block, style)
    used = [field for block in blocks for column in block if (field := column.name.rpartition(".")[2]) in SHORT_NAMES]
    return Layout(
        lines=lines,
        left_out=left_out,
        short_names={SHORT_NAMES[field]: field for field in dict.fromkeys(used)} if style.short else {},
    )


def _blocks(columns: Sequence[Column], keys: int, width: int) -> list[list[Column]]:
    """Split the columns into blocks that fit, each starting with the first `keys` columns."""
    blocks = [list(columns[:keys])]
    for column in columns[keys:]:
        if len(blocks[-1]) > keys and _width([*blocks[-1], column], SHORT) > width:
            blocks.append(list(columns[:keys]))
        blocks[-1].append(column)
    return blocks


def _width(columns: Sequence[Column], style: Style) -> int:
    return sum(_widths(columns, style)) + style.gap * (len(columns) - 1)


def _lines(columns: Sequence[Column], style: Style) -> list[Text]:
    """Return the header, a rule and the rows."""
    widths, gap = _widths(columns, style), " " * style.gap
    lines = [*_group_line(columns, widths, style), *_name_lines(columns, widths, style)]
    lines.append(Text("─" * (sum(widths) + style.gap * (len(columns) - 1)), style="dim"))
    for cells in zip(*(_cells(column, style) for column in columns), strict=True):
        parts = [_aligned(cell, width, c.is_left) for cell, width, c in zip(cells, widths, columns, strict=True)]
        lines.append(Text(gap).join(parts))
    return lines


def _group_line(columns: Sequence[Column], widths: Sequence[int], style: Style) -> Iterator[Text]:
    """Yield the line of method names, each above the columns of its method; nothing if there are none."""
    spans = list(_spans(columns, style))
    if not any(group for group, _ in spans):
        return
    parts, at = [], 0
    for group, count in spans:
        span = sum(widths[at : at + count]) + style.gap * (count - 1)
        ruled = count > 1 and span >= len(group) + 4
        parts.append(f" {group} ".center(span, "─") if ruled else group.rjust(span))
        at += count
    yield Text((" " * style.gap).join(parts), style="bold")


def _name_lines(columns: Sequence[Column], widths: Sequence[int], style: Style) -> Iterator[Text]:
    """Yield the lines of column names, aligned at the bottom."""
    names = [_header(column, style)[1] for column in columns]
    height = max(len(name) for name in names)
    for line in range(height):
        parts = [
            _aligned(Text(name[line - height] if len(name) >= height - line else ""), width, column.is_left)
            for name, width, column in zip(names, widths, columns, strict=True)
        ]
        joined = Text(" " * style.gap).join(parts)
        joined.stylize("bold")
        yield joined


def _widths(columns: Sequence[Column], style: Style) -> list[int]:
    """Return the width of each column; the last column of a method is widened if the method's name needs it."""
    widths = [
        max(*(cell_len(cell.plain) for cell in _cells(column, style)), *map(len, _header(column, style)[1]), 1)
        for column in columns
    ]
    at = 0
    for group, count in _spans(columns, style):
        missing = len(group) - sum(widths[at : at + count]) - style.gap * (count - 1)
        at += count
        widths[at - 1] += max(0, missing)
    return widths


def _spans(columns: Sequence[Column], style: Style) -> Iterator[tuple[str, int]]:
    """Yield each method's name ("" for none) with the number of adjacent columns that belong to it."""
    for group, members in groupby(enumerate(columns), key=lambda one: _header(one[1], style)[0] or one[0]):
        yield group if isinstance(group, str) else "", len(list(members))


def _header(column: Column, style: Style) -> tuple[str, list[str]]:
    """Return the method above the column's name ("" for none), and the lines of its name."""
    if not style.split:
        return "", [column.name]
    group, _, field = column.name.rpartition(".")
    return group, _broken(SHORT_NAMES.get(field, field)) if style.short else [field]


def _broken(field: str) -> list[str]:
    """Split `field` at its underscore into two lines if both parts are words: batch_size, but not top_p."""
    first, _, rest = field.partition("_")
    return [first, rest] if min(len(first), len(rest)) > 2 else [field]


def _cells(column: Column, style: Style) -> Sequence[Text]:
    return column.short_cells if style.short else column.cells


def _aligned(cell: Text, width: int, is_left: bool) -> Text:
    padding = Text(" " * (width - cell_len(cell.plain)))
    return cell + padding if is_left else padding + cell
