"""What a session says when it ends: counts, the best rows, what was saved, what failed; and its exit code."""

from collections.abc import Sequence

from sweep.console import say
from sweep.execution.driver import SessionResult
from sweep.reporting.leaderboard import Row
from sweep.reporting.settings import informative_keys
from sweep.reporting.tables import baseline_line
from sweep.store.run_folder import RunFolder
from sweep.store.state import full_plan
from sweep.store.status import Status


def exit_code(folder: RunFolder, outcome: SessionResult) -> int:
    """0 all is well, 3 some trainings failed, 4 all did, 128 + a signal that came, however late."""
    if outcome.signal is not None:
        return 128 + outcome.signal
    if failed := _failed(outcome.rows):
        return 4 if len(failed) == len(outcome.rows) else 3
    return 3 if _failed_bases(folder, outcome) else 0


def summarize(folder: RunFolder, outcome: SessionResult) -> None:
    """Print how a session ended."""
    rows = outcome.rows
    say(f"{folder.name}: {counts(rows)}, in {outcome.seconds:.0f} s")
    saved: dict[str, float] = {}  # by training: its points share the seconds
    for row in (row for row in rows if row.get("cached_from")):
        saved[row["trial_id"]] = max(saved.get(row["trial_id"], 0.0), row["train_seconds"])
    if saved:
        say(f"saved: {sum(saved.values()) / 3600:.2f} hours of training, taken from earlier runs")
    keys = informative_keys([point.settings for point in full_plan(folder.spec, outcome.state).points])
    for row in (row for row in rows if row.get("rank") == 1):
        say(f"best {row['metric']}: {row[row['metric']]:.3f} at {_settings(keys, row)}")
    if (line := baseline_line(rows)) is not None:
        say(line)
    if (line := saved_line(rows)) is not None:
        say(line)
    if outcome.signal is not None:
        say(f"interrupted, nothing is lost; resume with: {folder.command('resume')}", err=True)
        return
    if outcome.spent is not None:
        say(
            f"{outcome.spent}: what is left goes on with `{folder.command('resume')} --budget` and a larger one",
            err=True,
        )
    say(f"leaderboard: {folder.leaderboard}; `{folder.command('report')}` prints it")
    failed = _failed(rows)
    bases = _failed_bases(folder, outcome)
    for line in (*bases, *(f"{row['status']} {row['trial_id']}: {row.get('stop_reason')}" for row in failed[:3])):
        say(line, err=True)
    if (failed or bases) and folder.logs.is_dir():
        say(f"tracebacks: {folder.logs}", err=True)


def _failed(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["status"] in (Status.FAILED, Status.DIVERGED)]


def _failed_bases(folder: RunFolder, outcome: SessionResult) -> list[str]:
    """A line for each un-tuned base that failed and has no row of its own to tell of it."""
    told = {row["trial_id"] for row in outcome.rows}
    ids = dict.fromkeys(point.trial_id for point in full_plan(folder.spec, outcome.state).baselines)
    trials = {trial_id: outcome.state.trial(trial_id) for trial_id in ids if trial_id not in told}
    return [
        f"FAILED {trial_id}: the un-tuned base, so that no row is compared with it: {trial.reason}"
        for trial_id, trial in trials.items()
        if trial.status == Status.FAILED
    ]


def _settings(keys: Sequence[str], row: Row) -> str:
    """What tells `row` from the others, as KEY=VALUE."""
    values = {**row, "epochs": row["epochs_budget"]}
    on = [key for key in keys if values.get(key) is not None]
    return " ".join(f"{key}={values.get(key)}" for key in on or keys) or "the only point"


def saved_line(rows: Sequence[Row]) -> str | None:
    """Epochs that a scheduler saved, where it stopped anything."""
    trained: dict[str, int] = {}  # by training: its points share the epochs
    planned: dict[str, int] = {}
    for row in (row for row in rows if row["status"] in ("COMPLETED", "STOPPED")):
        trained[row["trial_id"]] = max(trained.get(row["trial_id"], 0), row.get("epoch") or 0)
        planned[row["trial_id"]] = max(planned.get(row["trial_id"], 0), row["epochs_budget"])
    if not any(row.get("rung") for row in rows):
        return None
    total, done = sum(planned.values()), sum(trained.values())
    return f"rungs: {done} of {total} epochs trained ({done / total:.0%}), {total - done} saved by early stopping"


def counts(rows: Sequence[Row]) -> str:
    """How many points are in which status."""
    found: dict[str, int] = {}
    for row in rows:
        found[row["status"]] = found.get(row["status"], 0) + 1
    return f"{len(rows)} points: " + ", ".join(f"{count} {status}" for status, count in sorted(found.items()))
