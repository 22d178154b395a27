"""Parallel coordinates: a line for each configuration through the values of its settings and its score."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sweep.charts.colours import level_text
from sweep.charts.figure import Figure, Record, layered, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source, in_order
from sweep.errors import RunError

MOST = 500  # lines drawn: those of the best configurations
LEAST_AXES, MOST_AXES = 2, 8
BINS = 5  # groups of equal size that colours tell apart
SHOWN = "shown"  # parameter: the ids that a page filters by, or null for all
BRUSH = "brush"


def parallel(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw a line for each configuration. Dragging over an axis highlights the lines through the marked values."""
    metric = source.score(options.y)
    axes = source.axes[:MOST_AXES]
    if len(axes) < LEAST_AXES:
        raise RunError(f"run {source.folder.name!r}: fewer than {LEAST_AXES} settings vary, so slices show them better")
    scored = [one for one in source.standings(metric).settings if one.summary.mean is not None][:MOST]
    if not scored:
        raise RunError(f"run {source.folder.name!r} has no finished point yet")
    places = {key: _places([source.study.value_of(one.group, key) for one in scored]) for key in axes}
    means = [float(one.summary.mean or 0.0) for one in scored]
    low, high = min(means), max(means)
    records = []
    for rank, (one, mean) in enumerate(zip(scored, means, strict=True)):
        shared = {
            "id": one.group.setting_id,
            "name": source.name_of(one.group),
            "fifth": 1 + rank * BINS // len(scored),
        }
        for key in axes:
            text = source.text_of(one.group, key)
            records.append({**shared, "axis": key, "place": places[key][text], "text": text})
        score = {"place": 0.5 if high == low else (mean - low) / (high - low), "text": f"{mean:.4g}"}
        records.append({**shared, "axis": metric, **score})
    return Figure(
        name="parallel",
        title=source.titled(f"Settings and {metric} of each configuration"),
        sentence="Each line is one configuration. Drag over an axis to highlight the lines that pass there; the "
        "filter does the same by keyboard. Colours go from the best fifth to the last one.",
        chart=_chart(records, [*axes, metric], palette),
        records=records,
        columns={"name": "configuration", "axis": "axis", "text": "value"},
        height=320,
    )


def _places(found: Sequence[Any]) -> dict[str, float]:
    """Return the place of each value on its axis, from 0 to 1, evenly spaced in order."""
    ordered = [level_text(value) for value in in_order(set(found))]
    return {text: place / max(1, len(ordered) - 1) for place, text in enumerate(ordered)}


def _chart(records: Sequence[Record], axes: Sequence[str], palette: Palette) -> alt.LayerChart:
    brush = alt.selection_interval(name=BRUSH, encodings=["x", "y"])
    shown = alt.param(name=SHOWN, value=None)
    fifths = alt.Scale(domain=list(range(1, BINS + 1)), range=palette.ramp_of(BINS)[::-1])
    hit = f"({BRUSH}.axis == null || vlSelectionTest('{BRUSH}_store', datum))"
    wanted = f"({SHOWN} == null || indexof({SHOWN}, datum.id) >= 0)"
    base = alt.Chart(values(records)).encode(
        x=alt.X(
            "axis:N",
            scale=alt.Scale(domain=list(axes)),
            title=None,
            axis=alt.Axis(labelAngle=0, grid=True, labelExpr="split(datum.label, '.')", ticks=False),
        ),
        y=alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06], nice=False)),
        detail="id:N",
    )
    lines = (
        base.transform_calculate(hit=f"{hit} ? 1 : 0", wanted=f"{wanted} ? 1 : 0")
        .transform_joinaggregate(hits="max(hit)", groupby=["id"])
        .transform_filter("datum.hits == 1 && datum.wanted == 1")
        .mark_line(strokeWidth=1.4, opacity=0.8)
        .encode(
            color=alt.Color("fifth:O", scale=fifths, title="fifth of the ranking"),
            tooltip=[alt.Tooltip("name:N", title="configuration")],
        )
    )
    background = base.mark_line(strokeWidth=0.6, opacity=0.25, color=palette.muted).add_params(brush, shown)
    texts = alt.Chart(values(_labels(records, axes[-1]))).encode(x="axis:N", y="place:Q", text="text:N")
    halo = texts.mark_text(align="left", dx=6, fontSize=10, stroke=palette.paper, strokeWidth=4, strokeJoin="round")
    labels = texts.mark_text(align="left", dx=6, fontSize=10, color=palette.ink)
    return layered(background, lines, halo, labels)


def _labels(records: Sequence[Record], score: str) -> list[Record]:
    """Return the values of each setting, and the lowest and highest score, at their places."""
    levels = {(one["axis"], one["text"]): {key: one[key] for key in ("axis", "place", "text")} for one in records}
    scores = sorted((one for one in records if one["axis"] == score), key=lambda one: float(one["place"]))
    return [*(one for one in levels.values() if one["axis"] != score), scores[0], scores[-1]]
