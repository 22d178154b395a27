"""Early stopping: how many trials each rung stopped, or, for a full grid, whether it would have kept the winner."""

from collections.abc import Sequence

import altair as alt

from sweep.charts.figure import Figure, Record, layered, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source
from sweep.errors import RunError
from sweep.reporting.rung_report import Rung
from sweep.reporting.rung_report import rungs as judged

LEAST = 5  # trials of a rung, below which an order says little
STOPPED, PASSED = "stopped", "trained on"


def rungs(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw what happened at each rung. Raise RunError if the trials are too short for one."""
    found = judged(source.folder, source.state)
    if not any(rung.reached for rung in found):
        raise RunError(f"run {source.folder.name!r} has no rungs: its trials are too short for one")
    if source.folder.spec.tune_config.scheduler != "fifo":
        return _stops(found, palette)
    return _agreement(found, palette)


def _stops(found: Sequence[Rung], palette: Palette) -> Figure:
    records: list[Record] = []
    for epoch in sorted({rung.epoch for rung in found}):
        here = [rung for rung in found if rung.epoch == epoch]
        stopped, reached = sum(rung.stopped for rung in here), sum(rung.reached for rung in here)
        records += [
            {"epoch": epoch, "what": STOPPED, "trials": stopped},
            {"epoch": epoch, "what": PASSED, "trials": reached - stopped},
        ]
    colour = alt.Scale(domain=[STOPPED, PASSED], range=[palette.accent, palette.best])
    bars = (
        alt.Chart(values(records))
        .mark_bar()
        .encode(
            x=alt.X("epoch:O", title="rung (epoch)", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("trials:Q", title="trials"),
            color=alt.Color("what:N", scale=colour, title=None),
            tooltip=["epoch:O", "what:N", "trials:Q"],
        )
    )
    return Figure(
        name="rungs",
        title="Trials at each rung",
        sentence="How many trials reached each rung, and how many of them early stopping ended there.",
        chart=layered(bars),
        records=records,
        columns={"epoch": "rung (epoch)", "what": "what happened", "trials": "trials"},
        height=220,
    )


def _agreement(found: Sequence[Rung], palette: Palette) -> Figure:
    records: list[Record] = [
        {
            "group": rung.group,
            "epoch": rung.epoch,
            "tau": rung.agreement,
            "low": rung.agreement_low,
            "high": rung.agreement_high,
            "known": rung.known,
            "winner": {True: "kept", False: "lost", None: "unknown"}[rung.winner],
        }
        for rung in found
        if rung.agreement is not None and rung.known >= LEAST
    ]
    if not records:
        raise RunError("too few trials ran to the end to judge the rungs")
    groups = list(dict.fromkeys(dot["group"] for dot in records))
    base = alt.Chart(values(records)).encode(
        x=alt.X(
            "epoch:O",
            title="rung (epoch)",
            axis=alt.Axis(labelAngle=0),
            scale=alt.Scale(domain=sorted({dot["epoch"] for dot in records})),
        ),
        xOffset=alt.XOffset("group:N", scale=alt.Scale(domain=groups)),
    )
    y = alt.Scale(domain=[-1, 1])
    title = "Kendall's tau with the end"
    winner = alt.Scale(domain=["kept", "lost"], range=[palette.best, palette.worse])
    bars = base.mark_rule(color=palette.muted).encode(y=alt.Y("low:Q", scale=y, title=title), y2="high:Q")
    dots = base.mark_point(filled=True, size=50, opacity=1).encode(
        y=alt.Y("tau:Q", scale=y, title=title),
        color=alt.Color("winner:N", scale=winner, title="the best would be"),
        tooltip=["group:N", "epoch:O", alt.Tooltip("tau:Q", format=".2f"), "winner:N"],
    )
    return Figure(
        name="rungs",
        title="Would early stopping have kept the trial with the best dev loss?",
        sentence="Early stopping compares dev losses. The dots show how well the order of the trials at each rung "
        "agrees with the order at the end: 1 is the same order, 0 is chance. One dot for each seed, with its 95 % "
        "interval. The best by another score may be another trial.",
        chart=layered(bars, dots),
        records=records,
        columns={
            "group": "trials",
            "epoch": "rung (epoch)",
            "tau": "Kendall's tau",
            "low": "95 % interval from",
            "high": "to",
            "known": "trials counted",
            "winner": "the best would be",
        },
        height=220,
    )
