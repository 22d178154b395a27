"""Tables for booktabs, siunitx and threeparttable, scaled down where they are wider than the text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sweep.paper.numbers import LARGE, fixed
from sweep.paper.texts import breakable, plain

MISSING = "{--}"
NARROWEST = 50  # letters of LaTeX source; a row with fewer is surely narrower than half the text
MANY = 9  # columns, above which they stand closer together
GAP = 3  # letters between two columns
LONG = 8  # letters of a head on one line
NARROW = 40  # characters of a column of texts; longer texts are broken into lines of this width


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column, or several under one head. `cells` hold an & for each further column."""

    head: str  # LaTeX source
    kind: str  # as in the argument of tabular
    cells: Sequence[str]
    group: str = ""  # the head above this and its neighbours of the same group
    width: int = 1  # how many columns of tabular it has
    is_left: bool = False

    @property
    def top(self) -> str:
        """Return the head as a cell; two words stand above each other."""
        first, space, rest = self.head.partition(" ")
        is_long = bool(space) and len(self.head) > LONG and self.width == 1 and "\\" not in self.head
        text = rf"\shortstack{{{first}\\{rest}}}" if is_long else self.head
        return rf"\multicolumn{{{self.width}}}{{{'l' if self.is_left else 'c'}}}{{{text}}}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table."""

    caption: str
    label: str
    columns: Sequence[Column]
    notes: Sequence[str]
    headings: Mapping[int, str] = field(default_factory=dict)  # by the row below; "" is a rule alone
    spans: Mapping[int, tuple[int, str]] = field(default_factory=dict)  # by row: a cell in place of the first columns

    def tex(self) -> str:
        """Return the table as a float. A narrow one is stretched, so that its notes have room."""
        is_narrow = bool(self.notes) and all(one.width == 1 for one in self.columns) and self._letters() < NARROWEST
        environment = "tabular*" if is_narrow else "tabular"
        start = r"{0.6\linewidth}{@{\extracolsep{\fill}}" if is_narrow else "{@{}"
        lines = [
            r"\begin{table}[!htbp]",
            r"\centering\small" + (r"\setlength{\tabcolsep}{3.5pt}" if len(self.columns) > MANY else ""),
            rf"\caption{{{self.caption}}}\label{{{self.label}}}",
            r"\begin{adjustbox}{max width=\linewidth}",
            r"\begin{threeparttable}",
            rf"\begin{{{environment}}}{start}{''.join(column.kind for column in self.columns)}@{{}}}}",
            r"\toprule",
            *self._heads(),
            r"\midrule",
            *self._body(),
            r"\bottomrule",
            rf"\end{{{environment}}}",
            *self._notes(),
            r"\end{threeparttable}",
            r"\end{adjustbox}",
            r"\end{table}",
        ]
        return "\n".join(lines)

    def _letters(self) -> int:
        """Return about how many letters a row has."""
        return sum(GAP + max(map(len, (one.head, *one.cells))) for one in self.columns)

    def _heads(self) -> list[str]:
        names = _row([column.top for column in self.columns])
        if not any(column.group for column in self.columns):
            return [names]
        cells, rules, at = [], [], 1
        for group, members in groupby(self.columns, key=lambda column: column.group or id(column)):
            span = sum(column.width for column in members)
            is_group = isinstance(group, str)
            cells.append(rf"\multicolumn{{{span}}}{{c}}{{{group if is_group else ''}}}")
            rules += [rf"\cmidrule(lr){{{at}-{at + span - 1}}}"] if is_group else []
            at += span
        return [_row(cells), "".join(rules), names]

    def _body(self) -> list[str]:
        lines: list[str] = []
        for number, cells in enumerate(zip(*(column.cells for column in self.columns), strict=True)):
            lines += self._heading(number)
            covered, text = self.spans.get(number, (0, ""))
            lines.append(_row([*([self._merged(covered, text)] if covered else []), *cells[covered:]]))
        return lines

    def _heading(self, number: int) -> list[str]:
        if number not in self.headings:
            return []
        heading = self.headings[number]
        gap = [r"\midrule" if not heading else r"\addlinespace"] if number else []
        return [*gap, _row([self._merged(len(self.columns), rf"\emph{{{heading}}}")])] if heading else gap

    def _merged(self, count: int, text: str) -> str:
        """Return one cell in place of the first `count` columns."""
        width = sum(column.width for column in self.columns[:count])
        return rf"\multicolumn{{{width}}}{{@{{}}l}}{{{text}}}"

    def _notes(self) -> list[str]:
        if not self.notes:
            return []
        items = [rf"\item {note}" for note in self.notes]
        return [r"\begin{tablenotes}[flushleft]\footnotesize\raggedright", *items, r"\end{tablenotes}"]


def numbers_column(head: str, values: Sequence[float | None], digits: int, *, group: str = "") -> Column:
    """Return a column of numbers, aligned at their decimal points. Missing ones are dashes."""
    return Column(
        head=head, kind=_aligned(values, digits), cells=[_cell(value, digits) for value in values], group=group
    )


def score_column(head: str, means: Sequence[float | None], halves: Sequence[float | None], digits: int) -> Column:
    """Return a column of means with the half-widths of their intervals."""
    if not any(half is not None for half in halves):
        return numbers_column(head, means, digits)
    cells = [
        " & ".join([_cell(mean, digits), *((r"$\pm$", _cell(half, digits)) if half is not None else ("", "{}"))])
        for mean, half in zip(means, halves, strict=True)
    ]
    kind = rf"{_aligned(means, digits)}@{{\,}}c@{{\,}}{_aligned(halves, digits)}"
    return Column(head=head, kind=kind, cells=cells, width=3)


def text_column(head: str, texts: Sequence[str], *, group: str = "") -> Column:
    """Return a column of texts as others wrote them. Long texts are broken into several lines."""
    is_narrow = max(map(len, texts), default=0) <= NARROW
    kind = "l" if is_narrow else rf">{{\raggedright\arraybackslash}}p{{{0.5 * NARROW:.0f}em}}"
    cells = list(map(plain if is_narrow else breakable, texts))
    return Column(head=head, kind=kind, cells=cells, group=group, is_left=True)


def source_column(head: str, sources: Sequence[str], *, group: str = "", kind: str = "r") -> Column:
    """Return a column of LaTeX source."""
    return Column(head=head, kind=kind, cells=sources, group=group, is_left=kind == "l")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _aligned(values: Sequence[float | None], digits: int) -> str:
    shown = [fixed(value, digits) for value in values if value is not None and abs(value) < LARGE]
    whole = max((len(text.partition(".")[0].removeprefix("-")) for text in shown), default=1)
    sign = "-" if any(text.startswith("-") for text in shown) else ""
    return f"S[table-format={sign}{whole}.{digits}]"


def _cell(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return MISSING
    return fixed(value, digits) if abs(value) < LARGE else rf"{{\num{{{value:.1e}}}}}"
