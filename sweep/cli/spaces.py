"""`sweep spaces`: the search spaces that `sweep run` knows by name."""

import click

from sweep.cli.group import Command
from sweep.errors import UsageError


@click.command(cls=Command)
def spaces() -> None:
    """List the search spaces that `sweep run` knows by name."""
    from sweep.planning.plan import make_plan
    from sweep.planning.registry import load_space, space_paths
    from sweep.planning.space import expand

    for name in space_paths():
        try:
            file = load_space(name)
            plan = make_plan(expand(file.space, {}), 1)
        except UsageError as error:
            click.echo(f"{name:20} cannot be read: {error}")
            continue
        about = file.about.splitlines()[0] if file.about else ""
        click.echo(f"{name:20} {len(plan.points):5,} points {len(plan.trials):5,} trials  {about}")
