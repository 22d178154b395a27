"""What a session says when it ends: counts, the best rows, what was saved, what failed; and its exit code."""

from collections.abc import Sequence
from pathlib import Path

import click

from sweep.driver import Outcome
from sweep.leaderboard import Row
from sweep.leaderboard import rows as leaderboard_rows
from sweep.run_folder import RunFolder
from sweep.space import telling
from sweep.tables import baseline_line


def summarize(folder: RunFolder, outcome: Outcome) -> int:
    """Print how a session ended; the exit code."""
    rows = leaderboard_rows(folder, outcome.state)
    click.echo(f"{folder.name}: {counts(rows)}, in {outcome.seconds:.0f} s")
    saved: dict[str, float] = {}  # by training: its points share the seconds
    for row in (row for row in rows if row.get("cached_from")):
        saved[row["trial_id"]] = max(saved.get(row["trial_id"], 0.0), row["train_seconds"])
    if saved:
        click.echo(f"saved: {sum(saved.values()) / 3600:.2f} hours of training, taken from earlier runs")
    for row in (row for row in rows if row.get("rank") == 1):
        click.echo(f"best {row['metric']}: {row[row['metric']]:.3f} at {_settings(folder, row)}")
    if (line := baseline_line(rows)) is not None:
        click.echo(line)
    if outcome.signal is not None:
        click.echo(f"interrupted, nothing is lost; go on with: {command('resume', folder)}", err=True)
        return 128 + outcome.signal
    click.echo(f"leaderboard: {folder.leaderboard}; `{command('report', folder)}` prints it")
    failed = [row for row in rows if row["status"] in ("FAILED", "DIVERGED")]
    for row in failed[:3]:
        click.echo(f"{row['status']} {row['trial_id']}: {row.get('stop_reason')}", err=True)
    if failed and (folder.logs).is_dir():
        click.echo(f"tracebacks: {folder.logs}", err=True)
    return 0 if not failed else 4 if len(failed) == len(rows) else 3


def _settings(folder: RunFolder, row: Row) -> str:
    keys = telling([point.settings for point in folder.spec.plan.points])
    values = {**row, "epochs": row["epochs_budget"]}
    on = [key for key in keys if values.get(key) is not None]
    return " ".join(f"{key}={values.get(key)}" for key in on or keys) or "the only point"


def counts(rows: Sequence[Row]) -> str:
    """How many points are in which status."""
    found: dict[str, int] = {}
    for row in rows:
        found[row["status"]] = found.get(row["status"], 0) + 1
    return f"{len(rows)} points: " + ", ".join(f"{count} {status}" for status, count in sorted(found.items()))


def command(name: str, folder: RunFolder) -> str:
    """What to type to do `name` (resume, report) with a run."""
    out = folder.path.parent
    return f"sweep {name} {folder.name}" + ("" if out == Path("results") else f" --out {out}")
