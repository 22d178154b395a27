"""Learning curves: the loss of each configuration over the epochs, with a band over the seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from model.task_specs import TASKS
from sweep.charts.colours import colour_of, level_text
from sweep.charts.figure import Figure, Record, layered, left_out_text, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source
from sweep.errors import RunError
from sweep.planning.plan import Trial
from sweep.reporting.frames import trial_rows
from sweep.reporting.printable import printable
from sweep.reporting.verdicts.groups import Group, summarize
from sweep.store.state import full_plan

MOST = 40  # curves drawn: those of the best configurations
LOSSES = ("dev_loss", "train_loss")
BANDS = 12  # curves up to which the bands can be told apart


def curves(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw the mean dev loss over the seeds by epoch, coloured by a setting. Raise RunError before the first epoch."""
    metric = TASKS[source.groups[0].first["task"]].metric
    y = options.y or "dev_loss"
    if y not in (*LOSSES, metric):
        raise RunError(f"--y {y}: unknown. Known: {', '.join((*LOSSES, metric))}")
    by = source.setting(options.by) if options.by else _training_setting(source)
    groups = _of_distinct_trials([one.group for one in source.standings().settings])
    shown = groups[:MOST]
    trials = {trial.trial_id: trial for trial in full_plan(source.folder.spec, source.state).trials}
    records = [point for group in shown for point in _records(source, group, trials, y, by)]
    cached = sum(row.get("cached_from") is not None for group in shown for row in group.rows)
    if not records:
        where = "; its rows came from earlier runs (column cached_from), which have the curves" if cached else " yet"
        raise RunError(f"run {source.folder.name!r} has no {y} by epoch{where}")
    banded = len(shown) <= BANDS and any(point["n"] > 1 for point in records)
    return Figure(
        name="curves",
        title=source.titled(f"{y} by epoch"),
        sentence=_sentence(y, by, banded, cached) + left_out_text(len(groups) - len(shown)),
        chart=_chart(records, y, by, banded, palette),
        records=records,
        columns={
            "name": "configuration",
            "epoch": "epoch",
            "mean": f"mean {y}",
            "low": "95 % interval from",
            "high": "to",
            "n": "seeds",
        },
    )


def _training_setting(source: Source) -> str | None:
    """Return the setting of training whose values differ most in dev loss."""
    found = source.main_setting("dev_loss")
    return None if found is None or found.startswith("decode.") else found


def _sentence(y: str, by: str | None, banded: bool, cached: int) -> str:
    parts = ["Each line is the mean over the seeds of one configuration" + (f", coloured by {by}." if by else ".")]
    if y == "dev_loss":
        parts.append("Epoch 0 is the model before fine-tuning.")
    if banded:
        parts.append("The band is the 95 % interval of the mean.")
    if cached:
        parts.append(f"{cached} rows that came from earlier runs (column cached_from) have no curve here.")
    return " ".join(parts)


def _of_distinct_trials(groups: Sequence[Group]) -> list[Group]:
    """Return one group for each set of trials: groups that differ in decoding alone share their trials."""
    return list({tuple(row["trial_id"] for row in group.rows): group for group in reversed(groups)}.values())[::-1]


def _records(source: Source, group: Group, trials: Mapping[str, Trial], y: str, by: str | None) -> list[Record]:
    by_epoch: dict[int, list[float]] = {}
    for row in group.rows:
        epochs = trial_rows(source.state, trials[row["trial_id"]])
        known = [one for one in epochs if one["epoch"] <= row["epochs_budget"] and one.get(y) is not None]
        for epoch in known:
            by_epoch.setdefault(epoch["epoch"], []).append(epoch[y])
        if known and y == "dev_loss" and row.get("base_dev_loss") is not None:
            by_epoch.setdefault(0, []).append(row["base_dev_loss"])
    return [
        {
            "id": group.setting_id,
            "name": _name(source, group),
            "level": source.text_of(group, by) if by else "",
            "epoch": number,
            **_mean(found),
        }
        for number, found in sorted(by_epoch.items())
    ]


def _name(source: Source, group: Group) -> str:
    settings: Mapping[str, Any] = group.settings
    keys = [key for key in source.axes if not key.startswith("decode.") and settings.get(key) is not None]
    values_of_keys = [f"{key}={level_text(settings[key])}" for key in keys]
    return " ".join(filter(None, [printable(group.variant or ""), *values_of_keys])) or "all"


def _mean(found: Sequence[float]) -> Record:
    summary = summarize(found)
    return {"mean": summary.mean, "low": summary.low, "high": summary.high, "n": summary.n}


def _chart(records: Sequence[Record], y: str, by: str | None, banded: bool, palette: Palette) -> alt.LayerChart:
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d"))
    colour = colour_of("level", [point["level"] for point in records], by, palette)
    base = alt.Chart(values(records)).encode(x=x, detail="id:N", color=colour)
    scale = alt.Scale(zero=False)
    line = base.mark_line(strokeWidth=1.8, point=alt.OverlayMarkDef(size=18, filled=True)).encode(
        y=alt.Y("mean:Q", title=y, scale=scale),
        tooltip=[
            alt.Tooltip("name:N", title="configuration"),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("mean:Q", format=",.4f", title=y),
        ],
    )
    band = base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", title=y, scale=scale), y2="high:Q")
    return layered(band, line) if banded else layered(line)
