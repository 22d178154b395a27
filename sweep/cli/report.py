"""`sweep report`: the leaderboard of a run."""

from pathlib import Path

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option
from sweep.errors import RunError
from sweep.reporting.terminal import make_console

FORMATS = ("table", "json", "csv", "md")


@click.command(cls=Command)
@click.argument("run", required=False)
@out_option
@option(
    OUTPUT, "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format."
)
@option(OUTPUT, "--top", type=click.IntRange(1), metavar="N", help="Print only the first N rows.")
@option(OUTPUT, "--sort", metavar="COLUMN", help="Sort by this column instead of by rank.")
@option(
    OUTPUT,
    "--target-loss",
    type=float,
    metavar="LOSS",
    help="Add the epochs and the seconds of training that each row took to reach a dev loss of LOSS (nats per token or "
    "answer).",
)
@option(
    OUTPUT,
    "--rungs",
    is_flag=True,
    help="Print instead whether early stopping would have kept the winner. Only trials that ran to the end tell, so a "
    "full grid is best.",
)
def report(
    run: str | None, out: Path, form: str, top: int | None, sort: str | None, target_loss: float | None, rungs: bool
) -> None:
    """Print the leaderboard of RUN (a name under --out, or a path), by default of the latest run.

    The table shows the settings that vary; json and csv hold every column. Only comparable rows are ranked: same task,
    data and epochs, and trained to the end.
    """
    from sweep.reporting import tables
    from sweep.reporting.leaderboard import rows as leaderboard_rows
    from sweep.reporting.paper_scores import with_paper
    from sweep.reporting.time_to_target import with_reach
    from sweep.store.locate import find_run_or_latest
    from sweep.store.state import load_state

    folder = find_run_or_latest(out, run)
    state = load_state(folder)
    if rungs:
        from sweep.reporting.rung_report import rungs as judged

        click.echo(tables.rung_text(judged(folder, state), form))
        return
    rows = with_paper(leaderboard_rows(folder, state), folder.spec.space)
    if target_loss is not None:
        rows = with_reach(rows, state, target_loss)
    if sort is not None and sort not in (known := tables.all_columns(rows)):
        raise RunError(f"--sort {sort}: no such column. Known: {', '.join(known)}")
    rows = tables.sort_rows(rows, sort)
    shown = rows[:top]
    if form == "table":
        tables.print_table(make_console(stderr=False), folder, rows, top)
    elif form == "md":
        click.echo(tables.heading(folder, rows) + "\n\n" + tables.markdown(shown))
        for line in tables.footnotes(rows):
            click.echo("\n" + line)
    else:
        click.echo(tables.json_text(shown) if form == "json" else tables.csv_text(shown))
