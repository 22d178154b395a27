"""Colours of charts, chosen to be told apart by colour-blind readers and to show on white and on dark paper."""

from dataclasses import dataclass, fields
from typing import Any

import altair as alt


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Colours by their role, as CSS colours."""

    ink: str  # text and axes
    muted: str  # what stands in the background: other rows, minor text
    grid: str
    paper: str  # the background
    best: str  # tied with the best, or better
    other: str  # neither
    worse: str
    accent: str  # reference lines
    series: tuple[str, ...]  # of unordered values
    ramp: tuple[str, ...]  # of ordered values, from low to high

    def ramp_of(self, count: int) -> list[str]:
        """Return the colours of `count` ordered values, as far apart as the ramp allows."""
        last = len(self.ramp) - 1
        return [self.ramp[round(place * last / max(1, count - 1))] for place in range(count)]

    def series_of(self, count: int) -> list[str]:
        """Return the colours of `count` unordered values; after the last colour they repeat."""
        return [self.series[place % len(self.series)] for place in range(count)]

    def variables(self) -> dict[str, str]:
        """Return the colours by the names of CSS variables."""
        found: dict[str, str] = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            found |= {f"--{name}": value} if isinstance(value, str) else _numbered(name, value)
        return found


def _numbered(name: str, values: tuple[str, ...]) -> dict[str, str]:
    return {f"--{name}-{number}": value for number, value in enumerate(values, start=1)}


LIGHT = Palette(
    ink="#1c2024",
    muted="#697077",
    grid="#e3e6e8",
    paper="#ffffff",
    best="#0b62a4",
    other="#697077",
    worse="#b3202c",
    accent="#b4550c",
    series=("#0b62a4", "#b4550c", "#1a7f4b", "#a0338f", "#7d6300", "#b3202c", "#2d7488", "#5d5d5d"),
    ramp=("#c07a10", "#c4663a", "#ad4763", "#8a3a86", "#5f4197", "#34478f", "#17406d"),
)
DARK = Palette(
    ink="#e8eaec",
    muted="#a3abb2",
    grid="#383e44",
    paper="#15181b",
    best="#6cb2f0",
    other="#a3abb2",
    worse="#f2787f",
    accent="#f29b5f",
    series=("#6cb2f0", "#f29b5f", "#5fcf93", "#e08ad0", "#d9bd4f", "#f2787f", "#7cc4d8", "#b5b5b5"),
    ramp=("#f5c56b", "#f2a172", "#e98398", "#cf7fc4", "#a98ce6", "#7f9cf0", "#68b3e8"),
)


def _by_variable(palette: Palette) -> Palette:
    """Return a palette that refers to the CSS variables of `palette`, so that a page can change its colours."""

    def refer(name: str, value: str | tuple[str, ...]) -> Any:
        return f"var(--{name})" if isinstance(value, str) else tuple(f"var({key})" for key in _numbered(name, value))

    return Palette(**{field.name: refer(field.name, getattr(palette, field.name)) for field in fields(palette)})


PAGE = _by_variable(LIGHT)


def configured(chart: alt.LayerChart, palette: Palette) -> alt.LayerChart:
    """Return `chart` with axes, legends and titles in the colours of `palette`."""
    painted: alt.LayerChart = (
        chart.configure(background="transparent", font="sans-serif")
        .configure_axis(
            labelColor=palette.ink,
            titleColor=palette.ink,
            titleFontWeight="normal",
            gridColor=palette.grid,
            domainColor=palette.muted,
            tickColor=palette.muted,
            labelFontSize=12,
            titleFontSize=13,
            labelLimit=300,
            labelFlush=False,
            tickCount=6,
        )
        .configure_legend(
            labelColor=palette.ink,
            titleColor=palette.ink,
            titleFontWeight="normal",
            orient="top",
            labelLimit=280,
            labelFontSize=12,
            titleFontSize=12,
        )
        .configure_title(color=palette.ink, subtitleColor=palette.muted, anchor="start", fontSize=14)
        .configure_view(stroke=None)
    )
    return painted
