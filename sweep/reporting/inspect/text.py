"""Plain text for a terminal: aligned tables, bars, JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from sweep.reporting.layout import Column, lay_out
from sweep.reporting.printable import printable
from sweep.reporting.tables import json_ready

BARS = "▁▂▃▄▅▆▇█"
INDENT = "  "


def table_lines(names: Sequence[str], records: Sequence[Sequence[str]], left: Sequence[str] = ()) -> list[str]:
    """Return an indented table; the columns in `left` are aligned to the left, the others to the right."""
    cells = [[Text(printable(record[place])) for record in records] for place in range(len(names))]
    columns = [
        Column(name=name, cells=texts, short_cells=texts, is_left=name in left)
        for name, texts in zip(names, cells, strict=True)
    ]
    return [f"{INDENT}{line.plain}".rstrip() for line in lay_out(columns, (), 0, None).lines]


def pair_lines(pairs: Mapping[str, str]) -> list[str]:
    """Return an indented line for each name and its text."""
    width = max(map(len, pairs), default=0)
    return [f"{INDENT}{name:{width}}  {printable(text)}".rstrip() for name, text in pairs.items()]


def sparkline(values: Sequence[float | None]) -> str:
    """Return one bar for each value, from the lowest to the highest; a space where there is no finite number."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    low, span = min(finite, default=0.0), max(finite, default=0.0) - min(finite, default=0.0)
    top = len(BARS) - 1
    return "".join(
        BARS[round(top * (value - low) / span) if span else 0] if value is not None and math.isfinite(value) else " "
        for value in values
    )


def json_text(value: Any) -> str:
    """Return `value` as JSON; numbers that are not finite are null."""
    return json.dumps(json_ready(value), indent=1, allow_nan=False)
