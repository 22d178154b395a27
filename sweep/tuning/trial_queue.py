"""What to run next: interrupted and lost trainings first, then what was not begun, what a search draws, promotions.

A trial that was handed out is not given again before it is back.
"""

from collections import deque
from collections.abc import Callable

from sweep.planning.plan import Plan, Trial, group
from sweep.store.state import RunState
from sweep.store.status import Status
from sweep.tuning.schedulers import Scheduler, ids


class TrialQueue:
    """The trials of a run that wait, and those that are out."""

    def __init__(self, state: RunState, plan: Plan, scheduler: Scheduler, trials: dict[str, Trial]) -> None:
        """`trials`: filled with the plan's trainings by id, and shared with the scheduler."""
        self.state = state
        self.scheduler = scheduler
        self.trials = trials
        self.in_flight: set[str] = set()  # handed out and not back
        self._again: deque[Trial] = deque()
        self._fresh: deque[Trial] = deque()
        self._members: dict[str, Trial] = {}  # baselines too
        self.add(plan)

    def add(self, plan: Plan) -> None:
        """Take up the points of `plan`; un-tuned bases come first. What FAILED in earlier sessions is tried again."""
        trials = group(dict.fromkeys((*plan.baselines, *plan.points)))  # a point may itself be an un-tuned base
        if self.scheduler.shuffles:
            trials = tuple(sorted(trials, key=lambda trial: (not trial.is_baseline, trial.trial_id)))
        for trial in trials:
            if trial.trial_id in self._members:  # an un-tuned base, say, that an earlier point brought along
                continue
            self._members[trial.trial_id] = trial
            status = self.state.trials[trial.trial_id].status if trial.trial_id in self.state.trials else Status.PENDING
            if status in (Status.INTERRUPTED, Status.FAILED):
                self._again.append(trial)
            elif status.is_open:
                self._fresh.append(trial)
        self.trials.update(ids(plan.trials))

    def next(self, suggest: Callable[[], Plan | None], begins: bool = True) -> Trial | None:
        """The trial to run now, or None where there is none (yet). `suggest` draws further points.

        `begins`: whether one may be begun; those that were begun go on, and are promoted, in any case.
        """
        trial = self._waiting()
        if trial is None and begins:
            trial = self._begun() or self._drawn(suggest)
        trial = trial or self._promoted(drained=False)
        if trial is None and not self.in_flight:
            trial = self._promoted(drained=True)
        if trial is not None:
            self.in_flight.add(trial.trial_id)
        return trial

    def release(self, trial_id: str, again: bool) -> None:
        """A trial that was handed out has ended; `again`: it is to be tried once more."""
        self.in_flight.discard(trial_id)
        if again:
            self._again.append(self._members[trial_id])

    def _waiting(self) -> Trial | None:
        return self._again.popleft() if self._again else None

    def _begun(self) -> Trial | None:
        return self._fresh.popleft() if self._fresh else None

    def _promoted(self, drained: bool) -> Trial | None:
        trial = self.scheduler.promote(self.state, drained)
        return trial if trial is not None and trial.trial_id not in self.in_flight else None

    def _drawn(self, suggest: Callable[[], Plan | None]) -> Trial | None:
        while not self._fresh and (plan := suggest()) is not None:
            self.add(plan)
        return self._begun()
