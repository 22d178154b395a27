"""When each trial ran: one bar for each attempt, in as many lanes as trials ran side by side."""

from collections.abc import Iterable, Sequence

import altair as alt

from sweep.charts.figure import Figure, Record, layered, values
from sweep.charts.palette import Palette
from sweep.charts.source import Options, Source
from sweep.errors import RunError
from sweep.store.events import EpochEvent, Event, SessionEvent, StatusEvent
from sweep.store.ledger import read_ledger
from sweep.store.status import Status

MOST = 1_500  # trials; the bars of more would be thinner than a pixel
RUNNING = "running or cut off"


def timeline(source: Source, options: Options, palette: Palette) -> Figure:
    """Draw when each trial ran, in seconds of work on the run. Raise RunError for no trial or too many."""
    if len(source.state.trials) > MOST:
        raise RunError(f"run {source.folder.name!r} has more than {MOST:,} trials, too many for a timeline")
    ledger = source.folder.ledger
    records = in_lanes(attempts(read_ledger(ledger) if ledger.exists() else []))
    if not records:
        raise RunError(f"run {source.folder.name!r} has trained no trial itself")
    kinds = list(dict.fromkeys(bar["end"] for bar in records))
    bars = (
        alt.Chart(values(records))
        .mark_bar(height=11, stroke=palette.paper, strokeWidth=0.7)
        .encode(
            x=alt.X("start:Q", title="seconds since the run began, without pauses between sessions"),
            x2="stop:Q",
            y=alt.Y("lane:O", title="lane"),
            color=alt.Color(
                "end:N", title=None, scale=alt.Scale(domain=kinds, range=[_colour(kind, palette) for kind in kinds])
            ),
            tooltip=["trial_id:N", "attempt:Q", "start:Q", "stop:Q", "end:N"],
        )
    )
    lanes = max(bar["lane"] for bar in records)
    return Figure(
        name="timeline",
        title="When each trial ran",
        sentence=f"Each bar is one attempt at a trial; up to {lanes} ran side by side. Gaps are waiting.",
        chart=layered(bars),
        records=records,
        columns={
            "trial_id": "trial",
            "attempt": "attempt",
            "start": "from (s)",
            "stop": "to (s)",
            "lane": "lane",
            "end": "how it ended",
        },
        height=max(60, 18 * lanes),
    )


def _colour(end: str, palette: Palette) -> str:
    """Return the colour of a bar by how it ended."""
    ends: dict[str, str] = {
        Status.COMPLETED: palette.best,
        Status.STOPPED: palette.series[4],
        Status.DIVERGED: palette.series[3],
        Status.FAILED: palette.worse,
    }
    return ends.get(end, palette.muted)


def attempts(events: Iterable[Event]) -> list[Record]:
    """Return the attempts at trials in the order of their start, with times in seconds of work on the run."""
    begun: dict[str, Record] = {}
    found: list[Record] = []
    earlier = latest = 0.0  # the seconds of all sessions before this one, and the time of the last event
    for event in events:
        if isinstance(event, SessionEvent):
            for bar in begun.values():  # a killed session leaves trials running
                found.append({**bar, "stop": latest, "end": RUNNING})
            begun, earlier = {}, latest
        latest = max(latest, earlier + event.elapsed)
        if not isinstance(event, StatusEvent | EpochEvent) or event.status is None:
            continue
        if event.status is Status.RUNNING:
            begun[event.trial_id] = {"trial_id": event.trial_id, "attempt": event.attempt, "start": latest}
        elif event.trial_id in begun:
            found.append({**begun.pop(event.trial_id), "stop": latest, "end": str(event.status)})
    found += [{**bar, "stop": latest, "end": RUNNING} for bar in begun.values()]
    return sorted(found, key=lambda bar: (bar["start"], bar["trial_id"]))


def in_lanes(records: Sequence[Record]) -> list[Record]:
    """Return records with the lane of each: the first one that is free at its start."""
    free: list[float] = []  # by lane, when its last bar stops
    placed = []
    for bar in records:
        lane = next((lane for lane, stop in enumerate(free) if stop <= bar["start"]), len(free))
        free[lane : lane + 1] = [bar["stop"]]
        placed.append({**bar, "start": round(bar["start"], 2), "stop": round(bar["stop"], 2), "lane": lane + 1})
    return placed
