"""The order of trials: interrupted and lost ones first, then new ones, then those a search suggests, then promotions.

A trial that was handed out is not handed out again before it is released.
"""

from collections import deque
from collections.abc import Callable

from sweep.planning.plan import Plan, Trial, group
from sweep.store.state import RunState
from sweep.store.status import Status
from sweep.tuning.schedulers import Scheduler, ids


class TrialQueue:
    """The trials of a run that wait, and those that are in flight."""

    def __init__(self, state: RunState, plan: Plan, scheduler: Scheduler, trials: dict[str, Trial]) -> None:
        """`trials` is shared with the scheduler; the queue adds the plan's trials to it, by id."""
        self.state = state
        self.scheduler = scheduler
        self.trials = trials
        self.in_flight: set[str] = set()  # ids handed out and not released
        self._retries: deque[Trial] = deque()
        self._pending: deque[Trial] = deque()
        self._known: dict[str, Trial] = {}  # every trial by id, baselines included
        self.add(plan)

    @property
    def unfinished(self) -> set[str]:
        """Return the ids of the trials that are in flight or will be tried again."""
        return self.in_flight | {trial.trial_id for trial in self._retries}

    def add(self, plan: Plan) -> None:
        """Add the trials of `plan`, baselines first. Trials that FAILED in earlier sessions are retried."""
        trials = group(dict.fromkeys((*plan.baselines, *plan.points)))  # a point may itself be a baseline
        if self.scheduler.shuffles:
            trials = tuple(sorted(trials, key=lambda trial: (not trial.is_baseline, trial.trial_id)))
        for trial in trials:
            if trial.trial_id in self._known:  # for example the baseline of an earlier point
                continue
            self._known[trial.trial_id] = trial
            status = self.state.trials[trial.trial_id].status if trial.trial_id in self.state.trials else Status.PENDING
            if status in (Status.INTERRUPTED, Status.FAILED):
                self._retries.append(trial)
            elif status.is_open:
                self._pending.append(trial)
        self.trials.update(ids(plan.trials))

    def next(self, suggest: Callable[[], Plan | None], may_start: bool = True) -> Trial | None:
        """Return the next trial to run, or None if there is none at the moment. `suggest` returns further points.

        Without `may_start` no new trial starts; trials that have started are still retried and promoted.
        """
        trial = self._next_retry()
        if trial is None and may_start:
            trial = self._next_pending() or self._next_suggested(suggest)
        trial = trial or self._next_promoted(idle=False)
        if trial is None and not self.in_flight:
            trial = self._next_promoted(idle=True)
        if trial is not None:
            self.in_flight.add(trial.trial_id)
        return trial

    def release(self, trial_id: str, retry: bool) -> None:
        """Take back a trial that was handed out and has ended, and queue it once more if `retry`."""
        self.in_flight.discard(trial_id)
        if retry:
            self._retries.append(self._known[trial_id])

    def _next_retry(self) -> Trial | None:
        return self._retries.popleft() if self._retries else None

    def _next_pending(self) -> Trial | None:
        return self._pending.popleft() if self._pending else None

    def _next_promoted(self, idle: bool) -> Trial | None:
        trial = self.scheduler.promote(self.state, idle)
        return trial if trial is not None and trial.trial_id not in self.in_flight else None

    def _next_suggested(self, suggest: Callable[[], Plan | None]) -> Trial | None:
        while not self._pending and (plan := suggest()) is not None:
            self.add(plan)
        return self._next_pending()
