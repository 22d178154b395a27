"""`sweep ls`, `status`, `gc`, `rm` and `mv`: look after the runs of a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.group import Command, agreed
from sweep.cli.options import OUTPUT, option, out_option, yes_option
from sweep.errors import UsageError
from sweep.planning.config import KEEP

if TYPE_CHECKING:
    from sweep.store.run_folder import RunFolder


@click.command(cls=Command)
@out_option
def ls(out: Path) -> None:
    """List the runs under --out, the latest first."""
    from sweep.cli.summary import counts
    from sweep.reporting.leaderboard import load_rows
    from sweep.store.run_folder import list_runs

    runs = list_runs(out)
    if not runs:
        click.echo(f"no runs in {out} yet: start one with `sweep run lora_rank`")
    for folder in reversed(runs):
        try:
            rows = load_rows(folder)
            spec = folder.spec
        except UsageError as error:
            click.echo(f"{folder.name:24} cannot be read: {error}")
            continue
        best_rows = {row["task"]: row for row in reversed(rows) if row.get("rank") == 1}  # the first row of each task
        scores = ", ".join(f"{row['metric']} {row[row['metric']]:.3f}" for row in reversed(best_rows.values()))
        best = f"best {scores}" if scores else "nothing finished"
        click.echo(f"{folder.name:24} {counts(rows):40} {best:22} {spec.space}, started {spec.created_at[:16]}")


@click.command(cls=Command)
@click.argument("run", required=False)
@out_option
def status(run: str | None, out: Path) -> None:
    """Show the progress of RUN (a name under --out, or a path), by default of the latest run."""
    from sweep.cli.summary import counts
    from sweep.reporting.leaderboard import rows as leaderboard_rows
    from sweep.store.activity import activity
    from sweep.store.locate import find_run_or_latest
    from sweep.store.state import load_state

    folder = find_run_or_latest(out, run)
    state = load_state(folder)
    rows = leaderboard_rows(folder, state)
    click.echo(f"{folder.name}: {counts(rows)}; {activity(folder, state)}")
    for row in rows:
        if row["status"].is_open and row.get("epoch"):
            click.echo(f"  {row['point_id']}  {row['status']}  epoch {row['epoch']}/{row['epochs_budget']}")


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@out_option
@option(OUTPUT, "--keep", type=click.Choice(KEEP), help="Checkpoints to keep. Default: what each run asked for.")
@option(OUTPUT, "--dry-run", is_flag=True, help="Print what would be removed, then exit.")
@yes_option
def gc(runs: tuple[str, ...], out: Path, keep: str | None, dry_run: bool, yes: bool) -> None:
    """Delete what the RUNs no longer need: checkpoints of finished trials, and remains of killed processes.

    Without RUN, it lists what it would delete in all runs under --out and asks first. With RUN, it deletes immediately.
    Leaderboards, ledgers, texts and everything that `sweep resume` needs stay. Symbolic links are not followed.
    """
    from sweep.execution.ray_backend.private_folder import clear_left_folders
    from sweep.store.locate import find_run

    chosen = [find_run(out, name) for name in runs]
    if dry_run or not (chosen or yes):
        total = _clean(out, chosen, keep, dry_run=True)
        if dry_run or not total or not agreed(f"free {total / 2**20:.1f} MiB?", yes):
            return
    _clean(out, chosen, keep, dry_run=False)
    clear_left_folders()


def _clean(out: Path, runs: "list[RunFolder]", keep: str | None, *, dry_run: bool) -> int:
    """Clean runs, or print what that would free, and return the number of bytes."""
    from sweep.store.gc import clean

    total = 0
    for freed in clean(out, runs, keep, dry_run):
        total += freed.bytes
        if freed.bytes or freed.note:
            click.echo(f"{freed.run:24} {freed.note or f'{freed.bytes / 2**20:.1f} MiB'}")
    click.echo(f"{'would free' if dry_run else 'freed'} {total / 2**20:.1f} MiB")
    return total


@click.command(cls=Command)
@click.argument("run")
@out_option
@yes_option
def rm(run: str, out: Path, yes: bool) -> None:
    """Delete RUN (a name under --out, or a path) with its results and checkpoints, after asking.

    Other runs keep the results that they took from it. A run that is in use cannot be deleted.
    """
    from sweep.store.locate import find_run
    from sweep.store.moving import borrowers, remove_run
    from sweep.store.retention import size

    folder = find_run(out, run)
    click.echo(f"{folder.path}: {size(folder.path) / 2**20:.1f} MiB")
    for name, count in borrowers(folder).items():
        click.echo(f"run {name} keeps the {count} results that it took from {folder.name}, but not their checkpoints")
    if agreed(f"delete run {folder.name}?", yes):
        remove_run(folder)
        click.echo(f"deleted {folder.path}")


@click.command(cls=Command)
@click.argument("run")
@click.argument("name")
@out_option
def mv(run: str, name: str, out: Path) -> None:
    """Rename RUN (a name under --out, or a path) to NAME, in the same folder.

    Runs that reuse its results still find the checkpoints after the rename. A run that is in use cannot be renamed.
    """
    from sweep.console import say
    from sweep.reporting.derived_files import DerivedFiles
    from sweep.store.locate import find_run
    from sweep.store.moving import rename_run
    from sweep.store.state import load_state

    folder = find_run(out, run)
    renamed = rename_run(folder, name)
    DerivedFiles(renamed, lambda message: say(message, err=True)).update(load_state(renamed))  # they hold the name
    click.echo(f"{folder.path} is now {renamed.path}")
