"""The score of each configuration with its interval, beside its baseline and what luck alone would reach."""

from typing import Any

import altair as alt

from sweep.charts.figure import Figure, Record, directed, layered, left_out_text, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source
from sweep.errors import RunError
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.verdicts.groups import summarize
from sweep.reporting.verdicts.standings import Standing

MOST = 40  # configurations drawn; more do not fit a page
ROW = 18  # pixels for each
TIED, WORSE, UNKNOWN = "tied with the best", "clearly worse", "too few seeds to tell"


def scores(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw the mean and 95 % interval of each configuration, the best first."""
    metric = source.score(options.y)
    found = source.standings(metric)
    shown = [one for one in found.settings if one.rank is not None][:MOST]
    if not shown:
        raise RunError(f"run {source.folder.name!r} has no finished point yet")
    records = [_record(source, one, metric) for one in shown]
    luck = found.luck if len(found.settings) - found.left_out >= 3 else None
    lines: list[Record] = []
    if luck is not None:
        sign = 1.0 if larger_is_better(metric) else -1.0
        lines = [{"line": "best to expect by luck", "value": sign * luck.expected}]
    scored = sum(one.rank is not None for one in found.settings)
    return Figure(
        name="scores",
        title=source.titled(f"{metric} of each configuration"),
        sentence=_sentence(found.seeds, bool(lines)) + left_out_text(scored - len(shown), len(found.settings) - scored),
        chart=_chart(records, lines, metric, source.label_title, palette),
        records=records,
        columns={
            "name": "configuration",
            "mean": f"mean {metric}",
            "low": "95 % interval from",
            "high": "to",
            "n": "seeds",
            "standing": "standing",
            "baseline": "baseline",
        },
        height=max(60, ROW * len(records)),
    )


def _sentence(seeds: int, has_luck: bool) -> str:
    dots = "Each dot is a mean over the seeds, its bar the 95 % interval" if seeds > 1 else "Each dot is one score"
    parts = [f"{dots}; the short grey line is the baseline, the model before fine-tuning."]
    if seeds > 1:
        parts.append("A configuration with a wide bar can be tied with the best, wherever it stands.")
    if has_luck:
        parts.append("The dashed line is what the best would reach by luck if all configurations were equally good.")
    return " ".join(parts)


def _record(source: Source, one: Standing, metric: str) -> Record:
    words = {True: TIED, False: WORSE, None: UNKNOWN}
    return {
        "id": one.group.setting_id,
        "name": source.name_of(one.group),
        "label": source.label_of(one.group),
        "mean": one.summary.mean,
        "low": one.summary.low,
        "high": one.summary.high,
        "n": one.summary.n,
        "standing": words[one.tied],
        "baseline": summarize(one.group.baseline(metric).values()).mean,
    }


def _lines(
    base: alt.Chart, colour: alt.Color, records: list[Record], x: dict[str, Any], palette: Palette
) -> list[alt.Chart]:
    """Return the layers of baselines and intervals, as far as they are known."""
    found = []
    if any(one["baseline"] is not None for one in records):
        tick = base.mark_tick(thickness=2, color=palette.muted, size=11)
        found.append(tick.encode(x=alt.X("baseline:Q", **x)))
    if any(one["low"] is not None for one in records):
        found.append(base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", **x), x2="high:Q", color=colour))
    return found


def _chart(
    records: list[Record], lines: list[Record], metric: str, labels: str | None, palette: Palette
) -> alt.LayerChart:
    y = alt.Y("label:N", sort=None, title=labels)
    words = [TIED, WORSE, UNKNOWN]
    legend = alt.Legend(title=None, values=[word for word in words if any(one["standing"] == word for one in records)])
    colours = alt.Scale(domain=words, range=[palette.best, palette.other, palette.other])
    colour = alt.Color("standing:N", scale=colours, legend=legend)
    shapes = alt.Scale(domain=words, range=["circle", "square", "diamond"])
    x: dict[str, Any] = {"scale": alt.Scale(zero=False), "title": directed(metric)}
    base = alt.Chart(values(records)).encode(y=y)
    layers: list[Any] = [
        *_lines(base, colour, records, x, palette),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            x=alt.X("mean:Q", **x),
            color=colour,
            shape=alt.Shape("standing:N", scale=shapes, legend=legend),
            tooltip=[
                alt.Tooltip("name:N", title="configuration"),
                alt.Tooltip("mean:Q", format=",.4f", title=metric),
                alt.Tooltip("low:Q", format=",.4f", title="from"),
                alt.Tooltip("high:Q", format=",.4f", title="to"),
                alt.Tooltip("n:Q", title="seeds"),
            ],
        ),
    ]
    if lines:
        name = alt.Chart(values(lines)).mark_text(align="right", dx=-4, dy=-6, baseline="bottom", color=palette.accent)
        layers.append(name.encode(x=alt.X("value:Q", **x), y=alt.value(0), text=alt.value("best by luck")))
        layers.append(
            alt.Chart(values(lines))
            .mark_rule(strokeDash=[5, 4], strokeWidth=1.5, color=palette.accent)
            .encode(x=alt.X("value:Q", **x), tooltip=["line:N", alt.Tooltip("value:Q", format=",.4f")])
        )
    return layered(*layers)
