"""Simulated trials: loss curves instead of models, with workers that die on request."""

import hashlib
from collections.abc import Callable

from sweep.execution.driver import Driver, SessionResult
from sweep.execution.executor import Executor, Listener
from sweep.execution.job import Job
from sweep.execution.trial import TrialReport
from sweep.planning.plan import point_from
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState
from sweep.store.status import Status
from sweep.testing import ScriptedExecutor, drive, fake_report

Curve = Callable[[Job, int], float | None]  # the dev loss of a job at an epoch; None where it diverges there


class Killed(BaseException):
    """The session is gone, as by SIGKILL."""


def chance(*parts: object) -> float:
    """A number from 0 to 1, always the same for equal parts."""
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:8], 16) / 2**32


def crossing(job: Job, epoch: int) -> float:
    """Falls to a level of its own, with noise that makes curves cross."""
    return 2 + chance(job.trial_id) + 2 / (1 + epoch) + chance(job.trial_id, epoch) / 4


def told(job: Job, epoch: int, value: float, status: Status | None = None) -> TrialReport:
    """A report with this dev loss; with the metric, where the scheduler asked for it."""
    return fake_report(job, epoch, status, dev_loss=value, metric=100 - value if epoch in job.measured else None)


def trains(curve: Curve = crossing, last_word: int | None = None) -> ScriptedExecutor:
    """An executor of one worker that follows `curve`, and dies after report number `last_word`."""
    count = 0

    def act(job: Job, listener: Listener) -> None:
        nonlocal count
        listener.started(job)
        last = max(point_from(settings).epochs for _, settings in job.points)
        for epoch in range(min(job.known_epoch + 1, last), last + 1):
            value = curve(job, epoch)
            if value is None:
                lost = TrialReport(epoch=epoch, status=Status.DIVERGED, reason="nan", loss="nan")
                goes_on = listener.reported(job, lost)
            else:
                goes_on = listener.reported(job, told(job, epoch, value, Status.COMPLETED if epoch == last else None))
            count += 1
            if count == last_word:
                raise Killed
            if not goes_on:
                return

    return ScriptedExecutor(act)


def session(folder: RunFolder, executor: Executor, **limits: object) -> SessionResult:
    """One session of work."""
    return drive(folder, executor, use_cache=False, **limits)


def rungs(state: RunState) -> dict[int, list[tuple[str, float]]]:
    """The rung tables: who reached each epoch, in order, and with what dev loss."""
    return {
        epoch: [(name, state.trial(name).epochs[epoch].losses.dev_loss) for name in names]
        for epoch, names in state.reached.items()
    }


def ends(state: RunState) -> dict[str, tuple[Status, int | None, str | None]]:
    """How each trial ended: its status, its rung, and why."""
    return {name: (trial.status, trial.rung, trial.reason) for name, trial in state.trials.items()}


def state_behind(executor: ScriptedExecutor) -> RunState:
    """What the driver of a killed session had in memory."""
    assert isinstance(executor.listener, Driver)
    return executor.listener.state
