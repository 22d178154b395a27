"""`sweep doctor`: is this machine fit to run?"""

from pathlib import Path

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option


@click.command(cls=Command)
@out_option
@option(
    OUTPUT, "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
)
def doctor(out: Path, form: str) -> None:
    """Check that this machine can run sweeps, and say how to fix what is wrong.

    The exit code is 1 if there is a PROBLEM.
    """
    from sweep.doctor import examine, has_problem, json_text, text

    checks = examine(out)
    click.echo(json_text(checks) if form == "json" else text(checks))
    raise SystemExit(1 if has_problem(checks) else 0)
