"""One session of work on a run, from the command's options to its exit code."""

import sys

import click

from sweep.cli.logs import logged
from sweep.cli.terminal import make_console
from sweep.console import say
from sweep.errors import InfrastructureError
from sweep.execution.interrupts import Interrupts
from sweep.planning.config import RunLimits
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec


def work(
    folder: RunFolder, session: RunSpec, limits: RunLimits, concurrency: int | None, address: str | None, verbose: bool
) -> None:
    """Run the open points of `folder` with the executor of `session`, print how it ended, and exit."""
    interrupts: Interrupts = click.get_current_context().obj
    try:
        code = _worked(folder, session, limits, concurrency, address, verbose, interrupts)
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
    interrupts: Interrupts,
) -> int:
    """Run the session and return its exit code. Raises KeyboardInterrupt where a signal stops it at once."""
    from sweep.cli.progress import progress_reporter
    from sweep.cli.summary import exit_code, summarize
    from sweep.execution.driver import Driver
    from sweep.execution.executors import make_executor
    from sweep.execution.gpus import hold_gpus, visible_gpus

    console = make_console(stderr=True)
    try:
        executor = make_executor(session, limits, concurrency, address)
        held = visible_gpus() if session.gpus_per_trial and address is None else []
        with (
            logged(console, verbose),
            hold_gpus(held, folder.name),
            progress_reporter(folder, console, session.executor) as view,
        ):
            driver = Driver(folder, view, limits=limits, use_cache=folder.spec.use_cache, interrupts=interrupts)
            outcome = driver.run(executor, ["sweep", *sys.argv[1:]])
    except InfrastructureError as error:
        say(f"Error: {error}; resume with: {folder.command('resume')}", err=True)
        return 1 if interrupts.first is None else interrupts.exit_code
    summarize(folder, outcome)
    return exit_code(folder, outcome)
