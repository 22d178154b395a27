"""The click classes of the command line: signals, errors as one line with an exit code, options in sections."""

from typing import Any

import click

from sweep.console import say
from sweep.errors import InfrastructureError, UsageError
from sweep.execution.interrupts import Interrupts


class Option(click.Option):
    """An option that help lists under the heading `section`."""

    def __init__(self, *names: Any, section: str, **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.section = section


class Command(click.Command):
    """A command that catches signals (`ctx.obj`) and turns user errors into one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        with Interrupts() as ctx.obj:
            try:
                return super().invoke(ctx)
            except UsageError as error:
                say(f"Error: {error}", err=True)
                ctx.exit(2)
            except InfrastructureError as error:
                say(f"Error: {error}", err=True)
                ctx.exit(1)
            except KeyboardInterrupt:
                say("interrupted", err=True)
                ctx.exit(ctx.obj.exit_code)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)) is not None:
                sections.setdefault(getattr(param, "section", "Other"), []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def agreed(question: str, yes: bool) -> bool:
    """Ask `question`, unless `yes`, and return the answer. Raise UsageError if there is nobody to answer."""
    try:
        return yes or click.confirm(question)
    except click.Abort as error:
        raise UsageError(
            f"{question} There was no answer, so nothing was done; add --yes to agree beforehand"
        ) from error
