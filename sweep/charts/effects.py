"""What each setting does: effects of its values with intervals, or the share that each setting explains."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sweep.charts.colours import level_text
from sweep.charts.figure import Figure, Record, layered, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source
from sweep.errors import RunError
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.verdicts.effects import Effects
from sweep.statistics.verdict import Verdict, Word

ROW = 22  # pixels for each effect
BETTER, WORSE, OPEN = "better", "worse", "undecided"
ALPHA = 0.05


def effects(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw the effect of each value against the lowest one; where no interval is known, the share of each setting."""
    metric = source.score(options.y)
    found = source.effects(metric).effects
    levels = [_level_record(one, metric) for part in found.parts for one in part.levels]
    if levels:
        return _differences(
            "effects",
            source.titled(f"Effect of each setting on {metric}"),
            "Each dot is the mean difference between two values of a setting, all else equal; the bar is its 95 % "
            "interval. Colours say what remains after Holm's correction over all of them.",
            levels,
            metric,
            palette,
        )
    return _shares(source, found, metric, palette)


def methods(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw what each method adds to the same configuration without it. Raise RunError if there is no such pair."""
    metric = source.score(options.y)
    found = [one for one in source.effects(metric).additions if one.mean is not None]
    if not found:
        raise RunError(f"run {source.folder.name!r} has no two configurations that differ in one method alone")
    return _differences(
        "methods",
        source.titled(f"What each method adds to {metric}"),
        "Each dot is the mean difference between configurations with a method and those without it that decode alike; "
        "labels name every other setting in which they differ. The bar is the 95 % interval. Colours say what remains "
        "after Holm's correction.",
        [_verdict_record(one) for one in found],
        metric,
        palette,
    )


def _level_record(one: Any, metric: str) -> Record:
    gain = one.mean > 0 if larger_is_better(metric) else one.mean < 0
    return {
        "name": f"{one.factor}: {level_text(one.level)} instead of {level_text(one.reference)}",
        "mean": one.mean,
        "low": one.low,
        "high": one.high,
        "p": one.p,
        "adjusted": one.adjusted,
        "verdict": (BETTER if gain else WORSE) if one.adjusted <= ALPHA else OPEN,
    }


def _verdict_record(one: Verdict) -> Record:
    words = {Word.BETTER: BETTER, Word.WORSE: WORSE}
    return {
        "name": one.name,
        "mean": one.mean,
        "low": one.low,
        "high": one.high,
        "p": one.p,
        "adjusted": one.adjusted,
        "verdict": words.get(one.word, OPEN),
    }


def _differences(
    name: str, title: str, sentence: str, records: Sequence[Record], metric: str, palette: Palette
) -> Figure:
    order = [BETTER, WORSE, OPEN]
    legend = alt.Legend(title=None, values=[word for word in order if any(one["verdict"] == word for one in records)])
    colour = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=order, range=[palette.best, palette.worse, palette.other]),
        legend=legend,
    )
    shape = alt.Shape(
        "verdict:N",
        scale=alt.Scale(domain=order, range=["circle", "square", "diamond"]),
        legend=legend,
    )
    base = alt.Chart(values(records)).encode(y=alt.Y("name:N", sort=None, title=None), color=colour)
    x = f"difference in {metric}"
    bars = [base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=x), x2="high:Q")]
    if all(one["low"] is None for one in records):
        bars = []
    return Figure(
        name=name,
        title=title,
        sentence=sentence,
        chart=layered(
            alt.Chart(values([{"zero": 0}])).mark_rule(color=palette.ink).encode(x=alt.X("zero:Q", title=x)),
            *bars,
            base.mark_point(filled=True, size=60, opacity=1).encode(
                x=alt.X("mean:Q", title=x),
                shape=shape,
                tooltip=[
                    "name:N",
                    *(alt.Tooltip(f"{key}:Q", format=",.4f") for key in ("mean", "low", "high")),
                    alt.Tooltip("p:Q", format=".2g"),
                ],
            ),
        ),
        records=records,
        columns={
            "name": "comparison",
            "mean": x,
            "low": "95 % interval from",
            "high": "to",
            "p": "p",
            "adjusted": "p (Holm)",
            "verdict": "verdict",
        },
        height=max(60, ROW * len(records)),
    )


def _shares(source: Source, found: Effects, metric: str, palette: Palette) -> Figure:
    """Draw the share of the variance that each term explains, or the importance of each setting of a search."""
    records: list[Record] = []
    if found.drawn is not None:
        records = [{"name": one.axis, "share": one.share} for one in found.drawn.axes]
        floor = found.drawn.floor
        title, sentence = (
            f"Importance of each setting for {metric}",
            f"PED-ANOVA over {found.drawn.points} points. In pure noise the largest importance stays below "
            f"{floor:.1%} (the line) in 95 % of cases; what lies below it says nothing.",
        )
    else:
        floor = None
        terms = [term for part in found.parts if part.table is not None for term in part.table.terms]
        records = [{"name": term.name, "share": term.share} for term in terms]
        known = [part for part in found.parts if part.table is not None and part.note]
        notes = " ".join(f"{part.note[0].upper()}{part.note[1:]}." for part in known)
        title = f"Share of the variance of {metric} that each setting explains"
        sentence = f"Type II analysis of variance. {notes}".strip()
    if not records:
        raise RunError(f"no effect on {metric} can be measured in this run")
    chart: list[Any] = [
        alt.Chart(values(records))
        .mark_bar(color=palette.best)
        .encode(
            y=alt.Y("name:N", sort=None, title=None),
            x=alt.X("share:Q", title="share", axis=alt.Axis(format=".0%")),
            tooltip=["name:N", alt.Tooltip("share:Q", format=".1%")],
        )
    ]
    if floor is not None:
        line = alt.Chart(values([{"floor": floor}])).mark_rule(color=palette.accent, strokeDash=[5, 4], strokeWidth=2)
        chart.append(line.encode(x="floor:Q"))
    return Figure(
        name="effects",
        title=source.titled(title),
        sentence=sentence,
        chart=layered(*chart),
        records=records,
        columns={"name": "setting", "share": "share"},
        height=max(60, ROW * len(records)),
    )
