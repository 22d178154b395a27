"""Score against cost, with the configurations that no other one beats in both."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sweep.charts.figure import Figure, Record, layered, left_out_text, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source
from sweep.errors import RunError
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.verdicts.groups import Group

MOST = 1_000  # dots drawn: those of the best configurations, and the front
COSTS = {  # column of the leaderboard -> title, factor, format
    "train_seconds": ("training time (s)", 1.0, ",.1f"),
    "trainable_share": ("weights trained (%)", 100.0, ",.3f"),
    "peak_memory_bytes": ("peak memory (MiB)", 2.0**-20, ",.0f"),
}


def cost(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw the score over `options.x`, a cost. Raise RunError if it was not measured."""
    column = options.x or next(iter(COSTS))
    if column not in COSTS:
        raise RunError(f"--x {column}: unknown. Known: {', '.join(COSTS)}")
    metric = source.score(options.y)
    title, factor, form = COSTS[column]
    records = _records(source, column, factor, metric)
    if not records:
        raise RunError(f"run {source.folder.name!r} has no finished point with {column}")
    mark_front(records, larger_is_better(metric))
    drawn = [one for place, one in enumerate(records) if place < MOST or one["front"]]
    return Figure(
        name=f"cost-{column}",
        title=source.titled(f"{metric} against {title}"),
        sentence="Each dot is one configuration. The line joins those that no other one beats in both score "
        "and cost; small differences in cost may be noise." + left_out_text(len(records) - len(drawn)),
        chart=_chart(drawn, title, metric, form, palette),
        records=drawn,
        columns={"name": "configuration", "cost": title, "score": f"mean {metric}", "front": "on the front"},
        height=220,
    )


def _records(source: Source, column: str, factor: float, metric: str) -> list[Record]:
    return [
        {
            "id": group.setting_id,
            "name": source.name_of(group),
            "cost": factor * spent,
            "score": score,
        }
        for group in (one.group for one in source.standings(metric).settings)
        if (score := group.summary(metric).mean) is not None and (spent := _mean_cost(group, column)) is not None
    ]


def _mean_cost(group: Group, column: str) -> float | None:
    known = [row[column] for row in group.rows if row.get(column) is not None and row["status"].is_complete]
    return sum(known) / len(known) if known else None


def mark_front(records: Sequence[Record], larger: bool) -> None:
    """Set `front` of each record: whether no other one is at least as good in score and cost, and better in one."""
    best: float | None = None
    for dot in sorted(records, key=lambda one: (one["cost"], -one["score"] if larger else one["score"])):
        is_better = best is None or (dot["score"] > best if larger else dot["score"] < best)
        dot["front"] = is_better
        best = dot["score"] if is_better else best


def _chart(records: Sequence[Record], title: str, metric: str, form: str, palette: Palette) -> alt.LayerChart:
    x = alt.X("cost:Q", title=title, scale=alt.Scale(zero=True))
    y = alt.Y("score:Q", title=metric, scale=alt.Scale(zero=False))
    base = alt.Chart(values(records)).encode(x=x, y=y)
    on_front: Any = alt.datum.front
    front = base.transform_filter(on_front).mark_line(interpolate="step-after", color=palette.best, strokeWidth=1.5)
    dots = base.mark_point(filled=True, size=45, opacity=0.85).encode(
        color=alt.condition(on_front, alt.value(palette.best), alt.value(palette.muted)),
        tooltip=[
            alt.Tooltip("name:N", title="configuration"),
            alt.Tooltip("cost:Q", format=form, title=title),
            alt.Tooltip("score:Q", format=",.4f", title=metric),
        ],
    )
    return layered(front, dots)
