"""Work on a run: one session with its executor, reporters, trackers and GPUs."""

import contextlib
import sys
from collections.abc import Iterator, Sequence

from sweep.execution.driver import SessionResult, run_session
from sweep.execution.executors import make_executor
from sweep.execution.gpus import hold_gpus, visible_gpus
from sweep.execution.interrupts import Interrupts
from sweep.planning.config import RunLimits
from sweep.reporting.reporter import ProgressReporter
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec
from sweep.tracking.reporter import tracked


def work(
    folder: RunFolder,
    session: RunSpec,
    reporter: ProgressReporter,
    *,
    command: Sequence[str],
    limits: RunLimits,
    concurrency: int | None,
    address: str | None,
    interrupts: Interrupts,
    log: Sequence[str] = (),
) -> SessionResult:
    """Run one session of the run in `folder` with the executor of `session`, and hold the GPUs that it uses.

    `log` names trackers that it also logs to.
    """
    executor = make_executor(session, limits, concurrency, address)
    held = visible_gpus() if session.gpus_per_trial and address is None else []
    with tracked(reporter, folder, log) as tracking, hold_gpus(held, folder.name):
        return run_session(
            folder,
            executor,
            tracking,
            command,
            limits=limits,
            use_cache=folder.spec.use_cache,
            interrupts=interrupts,
            places=session.provenance.places_for(folder.spec.provenance),
        )


def work_in_python(
    folder: RunFolder,
    session: RunSpec,
    limits: RunLimits,
    concurrency: int | None,
    address: str | None,
    progress: bool,
    log: Sequence[str],
) -> SessionResult:
    """Run a session from Python, with progress on stderr or below the cell of a notebook."""
    with Interrupts(ends_process=False) as interrupts, _reporter(folder, session.executor, progress) as reporter:
        result = work(
            folder,
            session,
            reporter,
            command=session.command,
            limits=limits,
            concurrency=concurrency,
            address=address,
            interrupts=interrupts,
            log=log,
        )
    if result.signal is not None:
        print("interrupted, nothing is lost; continue with run.resume()", file=sys.stderr)
    return result


@contextlib.contextmanager
def _reporter(folder: RunFolder, executor: str, progress: bool) -> Iterator[ProgressReporter]:
    from sweep.progress.reporters import progress_reporter
    from sweep.reporting.reporter import SilentReporter
    from sweep.reporting.terminal import make_console

    if not progress:
        yield SilentReporter()
        return
    with progress_reporter(folder, make_console(stderr=True), executor) as reporter:
        yield reporter
