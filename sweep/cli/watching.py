"""`sweep watch` and `sweep serve`: look at a run while it works, in a terminal or a browser."""

from pathlib import Path

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option


@click.command(cls=Command)
@click.argument("run", required=False)
@out_option
@option(
    OUTPUT,
    "--interval",
    type=click.FloatRange(0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two updates.",
)
def watch(run: str | None, out: Path, interval: float) -> None:
    """Watch RUN from another terminal, by default the latest run.

    It shows the trials, the best configuration so far, whether that is more than luck, and the time left. It never
    changes the run, and exits when no process is working on it any more. In a pipe, it prints the state once.
    """
    from sweep.progress.watch import watch as show
    from sweep.reporting.terminal import make_console
    from sweep.store.locate import find_run_or_latest

    try:
        show(find_run_or_latest(out, run), make_console(stderr=False), interval)
    except KeyboardInterrupt:
        click.echo("stopped watching; the run goes on if it was working", err=True)


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@out_option
@option(OUTPUT, "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port. Default: a free one.")
@option(OUTPUT, "--metric", metavar="NAME", help="Rank by this metric. Default: what each run was started with.")
def serve(runs: tuple[str, ...], out: Path, port: int, metric: str | None) -> None:
    """Serve the page of `sweep report --html` for RUN, by default the latest run, until Ctrl-C.

    The page updates itself while the run works. Only browsers on this machine that have the whole printed address, with
    its random token, can read it.
    """
    from sweep.charts.extra import require_plots

    require_plots("sweep serve")
    from sweep.page.server import PageServer
    from sweep.store.locate import find_run_or_latest

    folders = [find_run_or_latest(out, run) for run in runs or (None,)]
    with PageServer(folders, port, metric) as server:
        click.echo(server.address)
        click.echo("Ctrl-C stops it", err=True)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
