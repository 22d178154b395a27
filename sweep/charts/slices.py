"""The slice of a setting: the score of every configuration over the values of the setting."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from sweep.charts.colours import level_text
from sweep.charts.figure import Figure, Record, layered, left_out_text, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source, in_order
from sweep.errors import RunError
from sweep.reporting.verdicts.groups import Group

MOST = 1_000  # dots drawn: those of the best configurations
MOST_LEVELS = 12  # values up to which a setting is drawn as steps, not on a scale of numbers
WIDE = 50.0  # ratio of the largest to the smallest value from which on the scale is logarithmic


def slices(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw the score over the values of the setting `options.x`, by default the one that explains most."""
    metric = source.score(options.y)
    axis = source.setting(options.x, "--x") if options.x else source.main_setting(metric)
    if axis is None:
        raise RunError(f"run {source.folder.name!r}: no setting varies, so there is no slice to draw")
    scored = [(one.group, one.summary.mean) for one in source.standings(metric).settings if one.rank is not None]
    if not scored:
        raise RunError(f"run {source.folder.name!r} has no finished point yet")
    drawn = scored[:MOST]
    levels = in_order({source.study.value_of(group, axis) for group, _ in drawn})
    stepped = len(levels) <= MOST_LEVELS or not all(isinstance(level, int | float) for level in levels)
    records: list[Record] = [
        {
            "id": group.setting_id,
            "name": source.name_of(group),
            "level": source.text_of(group, axis) if stepped else source.study.value_of(group, axis),
            "score": mean,
        }
        for group, mean in drawn
    ]
    return Figure(
        name=f"slice-{axis}",
        title=source.titled(f"{metric} by {axis}"),
        sentence="Each dot is one configuration. "
        + _sentence(_is_full_grid(source, [group for group, _ in scored]), levels, stepped)
        + left_out_text(len(scored) - len(drawn), len(source.groups) - len(scored)),
        chart=_stepped(records, [level_text(level) for level in levels], _is_ordered(levels), axis, metric, palette)
        if stepped
        else _scaled(records, levels, axis, metric, palette),
        records=records,
        columns={"name": "configuration", "level": axis, "score": f"mean {metric}"},
        height=220,
    )


def _sentence(is_full: bool, levels: Sequence[Any], stepped: bool) -> str:
    if not stepped:
        return "Other settings vary, too, so dots at one place may differ."
    parts = ["The line joins the means over the configurations with the same value."] if _is_ordered(levels) else []
    if not is_full:
        parts.append("Settings were not varied independently: do not read a difference here as an effect.")
    return " ".join(parts) or "Other settings vary, too."


def _is_ordered(levels: Sequence[Any]) -> bool:
    return all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels)


def _is_full_grid(source: Source, scored: Sequence[Group]) -> bool:
    """Return whether every combination of the settings' values has a score."""
    sizes = [len({source.text_of(group, key) for group in source.groups}) for key in source.axes]
    return math.prod(sizes) == len(scored)


def _stepped(
    records: Sequence[Record], levels: Sequence[str], is_ordered: bool, axis: str, metric: str, palette: Palette
) -> alt.LayerChart:
    x = alt.X("level:O", sort=list(levels), title=axis, axis=alt.Axis(labelAngle=0))
    base = alt.Chart(values(records)).encode(x=x)
    dots = _dots(base, metric, palette)
    if not is_ordered:
        return layered(dots)
    means = base.mark_line(color=palette.best, strokeWidth=2).encode(y=_score("mean(score)", metric))
    return layered(means, dots)


def _scaled(
    records: Sequence[Record], levels: Sequence[Any], axis: str, metric: str, palette: Palette
) -> alt.LayerChart:
    kind: Any = "log" if min(levels) > 0 and max(levels) / min(levels) >= WIDE else "linear"
    x = alt.X("level:Q", title=axis, scale=alt.Scale(type=kind, zero=False))
    return layered(_dots(alt.Chart(values(records)).encode(x=x), metric, palette))


def _dots(base: alt.Chart, metric: str, palette: Palette) -> alt.Chart:
    tooltip = [
        alt.Tooltip("name:N", title="configuration"),
        alt.Tooltip("score:Q", format=",.4f", title=metric),
    ]
    dots = base.mark_point(filled=True, color=palette.muted, opacity=0.75, size=40)
    drawn: alt.Chart = dots.encode(y=_score("score", metric), tooltip=tooltip)
    return drawn


def _score(field: str, metric: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=metric, scale=alt.Scale(zero=False))
