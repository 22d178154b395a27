"""The registry of charts: kind -> function. `sweep plot` and the page read it."""

from collections.abc import Callable

from model.suggest import did_you_mean
from sweep.charts.cost import cost
from sweep.charts.curves import curves
from sweep.charts.effects import effects, methods
from sweep.charts.figure import Figure
from sweep.charts.palette import Palette
from sweep.charts.parallel import parallel
from sweep.charts.rungs import rungs
from sweep.charts.scores import scores
from sweep.charts.slices import slices
from sweep.charts.source import Options, Source
from sweep.charts.timeline import timeline
from sweep.errors import UsageError

Draw = Callable[[Source, Options, Palette], Figure]

CHARTS: dict[str, Draw] = {
    "scores": scores,
    "effects": effects,
    "methods": methods,
    "curves": curves,
    "slice": slices,
    "parallel": parallel,
    "cost": cost,
    "rungs": rungs,
    "timeline": timeline,
}


def find_chart(kind: str) -> Draw:
    """Return the function of the chart `kind`. Raise UsageError if there is none."""
    if kind not in CHARTS:
        raise UsageError(f"unknown chart {kind!r}: {did_you_mean(kind, CHARTS)}Known: {', '.join(CHARTS)}")
    return CHARTS[kind]
