"""What a session prints when it ends (counts, best rows, savings, failures), and its exit code."""

from collections.abc import Sequence

from sweep.console import say
from sweep.execution.driver import SessionResult
from sweep.planning.plan import stable_id
from sweep.reporting.leaderboard import Row
from sweep.reporting.numbers import duration
from sweep.reporting.tables import baseline_line
from sweep.reporting.verdicts.conclusion import conclusion
from sweep.reporting.verdicts.follow_up_text import follow_up_lines
from sweep.reporting.verdicts.study import Study
from sweep.store.activity import is_unfinished
from sweep.store.run_folder import RunFolder
from sweep.store.state import full_plan
from sweep.store.status import Status


def summarize(folder: RunFolder, outcome: SessionResult) -> int:
    """Print how a session ended, and return its exit code.

    0 if every row is final, 3 if some trials failed, 4 if all did, 5 if rows are left to compute (the budget is spent,
    or the search found fewer points than it was asked for), and 128 + N after signal N, however late it came.
    """
    rows = outcome.rows
    say(f"{folder.name}: {counts(rows)}, in {duration(outcome.seconds)}")
    for line in (cached_line(rows), *_findings(folder, outcome), baseline_line(rows), stopped_line(rows)):
        if line is not None:
            say(line)
    if outcome.signal is not None:
        say(f"interrupted, nothing is lost; resume with: {folder.command('resume')}", err=True)
        return 128 + outcome.signal
    if (unfinished := unfinished_line(folder, outcome)) is not None:
        say(unfinished, err=True)
    say(f"leaderboard: {folder.leaderboard}; to print it: {folder.command('report')}")
    failed = [row for row in rows if row["status"] in (Status.FAILED, Status.DIVERGED)]
    baselines = _failed_baselines(folder, outcome)
    for line in (*baselines, *(f"{row['status']} {row['trial_id']}: {row.get('stop_reason')}" for row in failed[:3])):
        say(line, err=True)
    if (failed or baselines) and folder.logs.is_dir():
        say(f"tracebacks: {folder.logs}", err=True)
    if failed or baselines:
        return 4 if len(failed) == len(rows) else 3
    return 5 if unfinished else 0


def _findings(folder: RunFolder, outcome: SessionResult) -> list[str]:
    """Return what the run found: the outcome of a comparison or confirmation, else the best settings."""
    return follow_up_lines(folder.spec, outcome.state, outcome.rows) or conclusion(Study(outcome.rows))


def unfinished_line(folder: RunFolder, outcome: SessionResult) -> str | None:
    """Return why rows are left to compute, and how to continue; None if nothing is left."""
    resume = folder.command("resume")
    if outcome.spent is not None:
        return f"{outcome.spent}; continue with a larger budget: {resume} --budget ..."
    wanted = folder.spec.tune_config.num_samples
    if wanted is not None and (found := points_found(folder, outcome)) < wanted:
        return f"the space holds only {found} points, fewer than --num-samples {wanted}: nothing is left to sample"
    return f"not finished; resume with: {resume}" if is_unfinished(folder, outcome.state) else None


def points_found(folder: RunFolder, outcome: SessionResult) -> int:
    """Return how many points a search has sampled, seeds and milestones aside."""
    if folder.spec.search_space is not None:
        return len(outcome.state.suggestions)
    settings = [{**point.settings, "epochs": None} for point in folder.spec.plan.points]  # a milestone is no sample
    return len({stable_id(one) for one in settings}) // folder.spec.tune_config.seeds


def _failed_baselines(folder: RunFolder, outcome: SessionResult) -> list[str]:
    """Return a line for each failed baseline that no row speaks of."""
    named = {row["trial_id"] for row in outcome.rows}
    ids = dict.fromkeys(point.trial_id for point in full_plan(folder.spec, outcome.state).baselines)
    trials = {trial_id: outcome.state.trial(trial_id) for trial_id in ids if trial_id not in named}
    return [
        f"FAILED {trial_id}: the baseline, so no row can be compared with it: {trial.reason}"
        for trial_id, trial in trials.items()
        if trial.status == Status.FAILED
    ]


def cached_line(rows: Sequence[Row]) -> str | None:
    """Return the training time that the cache saved, or None."""
    saved: dict[str, float] = {}  # by trial: its points share the seconds
    for row in (row for row in rows if row.get("cached_from")):
        saved[row["trial_id"]] = max(saved.get(row["trial_id"], 0.0), row["train_seconds"])
    return f"cached: {duration(sum(saved.values()))} of training saved" if saved else None


def stopped_line(rows: Sequence[Row]) -> str | None:
    """Return the epochs that early stopping saved, or None."""
    trained: dict[str, int] = {}  # by trial: its points share the epochs
    planned: dict[str, int] = {}
    for row in (row for row in rows if row["status"] in ("COMPLETED", "STOPPED")):
        trained[row["trial_id"]] = max(trained.get(row["trial_id"], 0), row.get("epoch") or 0)
        planned[row["trial_id"]] = max(planned.get(row["trial_id"], 0), row["epochs_budget"])
    if not any(row.get("rung") for row in rows):
        return None
    total, done = sum(planned.values()), sum(trained.values())
    return f"rungs: {done} of {total} epochs trained ({done / total:.0%}), {total - done} saved by early stopping"


def counts(rows: Sequence[Row]) -> str:
    """Return the number of points, and how many have which status."""
    found: dict[str, int] = {}
    for row in rows:
        found[row["status"]] = found.get(row["status"], 0) + 1
    return f"{len(rows)} points: " + ", ".join(f"{count} {status}" for status, count in sorted(found.items()))
