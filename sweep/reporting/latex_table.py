"""Tables for LaTeX, with the rules of the package booktabs."""

import re
from collections.abc import Sequence

from sweep.reporting.latex import escape

NUMBER = re.compile(r"[-+]?[\d.]|$")  # what every cell of a column of numbers begins with


def tabular(names: Sequence[str], records: Sequence[Sequence[str]]) -> str:
    """Return a table of plain texts. Columns of numbers are aligned to the right, others to the left."""
    columns = zip(*records, strict=True) if records else [()] * len(names)
    kinds = "".join("r" if all(map(NUMBER.match, cells)) else "l" for cells in columns)
    lines = [_line(names), r"\midrule", *map(_line, records)]
    return "\n".join([rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}"])


def comment(text: str) -> str:
    """Return `text` as one line that LaTeX ignores."""
    return "% " + " ".join(text.split())


def _line(cells: Sequence[str]) -> str:
    line = " & ".join(map(escape, cells))
    return ("{}" if line.startswith(("[", "*")) else "") + line + r" \\"  # else the end of the last row takes it
