"""One session of work on a run, from the command's options to its exit code."""

import sys
from collections.abc import Sequence

import click

from sweep.cli.logs import logged
from sweep.console import say
from sweep.errors import InfrastructureError
from sweep.execution.interrupts import Interrupts
from sweep.planning.config import RunLimits
from sweep.reporting.terminal import make_console
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec


def work(
    folder: RunFolder,
    session: RunSpec,
    limits: RunLimits,
    concurrency: int | None,
    address: str | None,
    verbose: bool,
    log: Sequence[str] = (),
) -> None:
    """Run the open points of `folder` with the executor of `session`, print how it ended, and exit.

    `log` names trackers that it also logs to.
    """
    interrupts: Interrupts = click.get_current_context().obj
    try:
        code = _worked(folder, session, limits, concurrency, address, verbose, log, interrupts)
        interrupts.settle()
    except KeyboardInterrupt:
        interrupts.settle()
        say(f"interrupted; resume with: {folder.command('resume')}", err=True)
        code = interrupts.exit_code
    raise SystemExit(code)


def _worked(
    folder: RunFolder,
    session: RunSpec,
    limits: RunLimits,
    concurrency: int | None,
    address: str | None,
    verbose: bool,
    log: Sequence[str],
    interrupts: Interrupts,
) -> int:
    """Run the session and return its exit code. Raises KeyboardInterrupt where a signal stops it at once."""
    from sweep import session as sessions
    from sweep.progress.reporters import progress_reporter

    console = make_console(stderr=True)
    try:
        with logged(console, verbose), progress_reporter(folder, console, session.executor) as reporter:
            outcome = sessions.work(
                folder,
                session,
                reporter,
                command=["sweep", *sys.argv[1:]],
                limits=limits,
                concurrency=concurrency,
                address=address,
                interrupts=interrupts,
                log=log,
            )
    except InfrastructureError as error:
        say(f"Error: {error}; resume with: {folder.command('resume')}", err=True)
        return 1 if interrupts.first is None else interrupts.exit_code
    from sweep.cli.summary import summarize

    return summarize(folder, outcome)
