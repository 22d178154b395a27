"""Colour by the values of a setting: a ramp for numbers, separate colours for names."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sweep.charts.palette import Palette
from sweep.reporting.numbers import setting_text
from sweep.reporting.printable import printable

OFF = "off"  # the text of a setting that a configuration does not have


def level_text(value: Any) -> str:
    """Return the text of a setting's value, without characters that charts cannot draw."""
    return OFF if value is None else printable(setting_text(value))


def colour_of(field: str, levels: Sequence[str], title: str | None, palette: Palette) -> alt.Color:
    """Return the colours of the texts `levels` in the records' `field`. Without a title there is one colour."""
    ordered = sorted(set(levels), key=_place)
    numeric = [level for level in ordered if _number(level) is not None]
    ramp = palette.ramp_of(len(numeric))
    names = [level for level in ordered if level not in numeric]
    colours = [*ramp, *palette.series_of(len(names))] if not numeric else [*ramp, *[palette.muted] * len(names)]
    scale = alt.Scale(domain=[*numeric, *names], range=colours)
    return alt.Color(f"{field}:N", scale=scale, title=title, legend=alt.Legend(symbolOpacity=1) if title else None)


def _place(level: str) -> tuple[bool, float, str]:
    number = _number(level)
    return number is None, number or 0.0, level


def _number(level: str) -> float | None:
    try:
        return float(level.replace(",", ""))
    except ValueError:
        return None
