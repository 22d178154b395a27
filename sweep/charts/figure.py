"""A chart with what a reader needs beside it: a title, a sentence, and the same figures as a table."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from sweep.charts.palette import Palette, configured
from sweep.reporting.leaderboard import larger_is_better

Record = dict[str, Any]
WIDTH, HEIGHT = 520, 280  # of the plot itself, in pixels
SUBTITLE = 100  # characters of a line below a title


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart and its explanation."""

    name: str  # of its kind; for a slice with the setting: slice-lora.rank
    title: str
    sentence: str  # what the chart shows, and how to read it
    chart: alt.LayerChart  # neither sized nor configured
    records: Sequence[Record]  # the figures that the chart shows
    columns: Mapping[str, str]  # of the table: key of a record -> heading
    height: int = HEIGHT

    def sized(self, palette: Palette, width: int | str = WIDTH, height: int | None = None) -> alt.LayerChart:
        """Return the chart with `width` ("container": that of its place on a page) and without a title."""
        fitted = self.chart.properties(width=width, height=height or self.height)
        if width == "container":
            fitted = fitted.properties(autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
        return configured(fitted, palette)

    def titled(self, palette: Palette, width: int = WIDTH, height: int | None = None) -> alt.LayerChart:
        """Return the chart with its title and sentence above it."""
        lines = textwrap.wrap(self.sentence, SUBTITLE)
        return self.sized(palette, width, height).properties(title=alt.TitleParams(self.title, subtitle=lines))


def directed(metric: str) -> str:
    """Return the title of an axis: the metric, and which way is better."""
    return f"{metric} ({'higher' if larger_is_better(metric) else 'lower'} is better)"


def left_out_text(beyond: int, unscored: int = 0) -> str:
    """Return sentences on configurations that are not drawn: `beyond` the limit, and without a score; "" for none."""
    parts = []
    if beyond:
        parts.append(f" Not drawn: the {beyond:,} with the lowest places.")
    if unscored:
        parts.append(f" Without a score, so not drawn: {unscored:,} (failed, stopped or unfinished).")
    return "".join(parts)


def layered(*layers: alt.Chart) -> alt.LayerChart:
    """Return charts drawn over each other, the first one at the bottom."""
    chart: alt.LayerChart = alt.LayerChart(layer=list(layers))
    return chart


def values(records: Sequence[Record]) -> alt.InlineData:
    """Return records as the data of a chart."""
    return alt.InlineData(values=list(records))
