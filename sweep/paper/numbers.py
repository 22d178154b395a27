"""Numbers as LaTeX source, and the macros that prose takes them from: each is traced to the points it comes from."""

import math
from collections.abc import Sequence
from statistics import median

from sweep.paper.texts import comment
from sweep.reporting.verdicts.groups import Summary

LARGE = 1e6  # from here on a score has diverged, and is printed as a power of ten
MARK = "BCDEFGHIJKLMNOPQRSTUVWXYZ"  # what distinguishes macros that would have the same name


class Numbers:
    """The macros of a paper, in the order of their use."""

    def __init__(self) -> None:
        self._macros: dict[str, tuple[str, str]] = {}  # name -> value and trace
        self._runs: dict[str, Sequence[str]] = {}  # name -> ids of its points

    def declare(self, run: str, points: Sequence[str]) -> None:
        """Name the points of a run, to which the traces of its numbers refer."""
        self._runs[run] = points

    def add(self, name: str, value: str, trace: str) -> str:
        """Return the LaTeX command that prints `value`. `trace` says what it is, and of which points."""
        names = (name + "".join(mark) for mark in ["", *MARK, *(one + other for one in MARK for other in MARK)])
        free = next(one for one in names if self._macros.get(one) in (None, (value, trace)))
        self._macros[free] = value, trace
        return rf"\{free}{{}}"

    def tex(self) -> str:
        """Return the points of each run, and the definitions, each below a comment with its trace."""
        runs = [comment(of_points(of_run("points", run), points)) for run, points in self._runs.items()]
        macros = [
            f"{comment(trace)}\n\\newcommand{{\\{name}}}{{{value}}}" for name, (value, trace) in self._macros.items()
        ]
        return "\n\n".join([*runs, "\n".join(macros)])


def of_points(what: str, points: Sequence[str]) -> str:
    """Return the trace of a number: what it is, and the ids of its points."""
    return f"{what}: {' '.join(points)}"


def of_run(what: str, run: str) -> str:
    """Return the trace of a number of a whole run, whose points are listed once."""
    return f"{what} of the run {run}"


def fixed(value: float, digits: int) -> str:
    """Return a number with `digits` decimals, as a column S of siunitx reads it: -0.65."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def inline(value: float, digits: int) -> str:
    """Return a number with `digits` decimals for a line of text, as LaTeX source."""
    if not abs(value) < LARGE:
        return rf"\num{{{value:.2e}}}"
    text = fixed(value, digits)
    return rf"\ensuremath{{{text}}}" if text.startswith("-") else text


def interval(low: float, high: float, digits: int) -> str:
    """Return an interval as LaTeX source: $[-0.19, -0.02]$."""
    return f"$[{fixed(low, digits)}, {fixed(high, digits)}]$"


def digits_for(summaries: Sequence[Summary]) -> int:
    """Return the decimals of a column of means: two digits of the usual half-width of their intervals."""
    halves = [half for one in summaries if (half := half_width(one))]
    means = [abs(one.mean) for one in summaries if one.mean is not None]
    if not halves:
        return 3 if means and median(means) < 10 else 2
    return digits_of_error(median(halves))


def digits_of_error(half: float) -> int:
    """Return the decimals that show two digits of the half-width of an interval, from 1 to 4."""
    return min(4, max(1, 1 - math.floor(math.log10(half)))) if half > 0 and math.isfinite(half) else 2


def half_width(summary: Summary) -> float | None:
    """Return half the width of the interval of a mean; None with fewer than two seeds."""
    return None if summary.low is None or summary.high is None else (summary.high - summary.low) / 2


def p_inline(p: float | None) -> str:
    """Return a p value as LaTeX source: 0.023, $<0.0001$."""
    if p is None:
        return "--"
    if p < 0.0001:
        return "$<0.0001$"
    digits = 4 if p < 0.001 else 3 if p < 0.1 else 2
    return f"{p:.{digits}f}"
