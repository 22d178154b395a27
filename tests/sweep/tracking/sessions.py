"""Sessions of a run that is logged."""

from threading import enumerate as living_threads

from sweep.execution.driver import run_session
from sweep.execution.executor import Executor
from sweep.planning.config import RunLimits
from sweep.reporting.reporter import SilentReporter
from sweep.store.run_folder import RunFolder
from sweep.tracking.reporter import tracked


def session(run: RunFolder, executor: Executor, *trackers: str) -> list[str]:
    """Work on `run` once, logging to `trackers`; the messages to the user.

    A killed session leaves its trackers' threads to the end of its process: wait for them before the next session.
    """
    for thread in living_threads():
        if thread.name.startswith("tracker "):
            thread.join(timeout=60)
            assert not thread.is_alive(), thread.name
    reporter = SilentReporter()
    with tracked(reporter, run, trackers) as tracking:
        run_session(run, executor, tracking, ["test"], limits=RunLimits(), use_cache=False)
    return reporter.notes
