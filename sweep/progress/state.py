"""The facts that progress reporters show: trials, the best point so far, the time left."""

from collections.abc import Mapping, Sequence

from model.task_specs import TASKS
from sweep.planning.flat import to_flat
from sweep.planning.plan import Plan, Point, Trial
from sweep.progress.eta import pace, seconds_left
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import decimals, plain_text, setting_text
from sweep.reporting.settings import informative_keys
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, find_result, full_plan, suggestions_left
from sweep.store.status import Status


class ProgressState:
    """The known plan of a run, and queries about its progress."""

    def __init__(self, folder: RunFolder) -> None:
        self.name = folder.name
        self.spec = folder.spec
        self._suggested = 0
        self.plan: Plan = self.spec.plan
        self.trials: Mapping[str, Trial] = _by_id(self.plan)
        self.keys = _keys(self.plan)
        self._point_keys = informative_keys([point.settings for point in self.plan.points])

    def follow(self, state: RunState) -> None:
        """Add the points that a search has suggested since the last call."""
        if len(state.suggestions) != self._suggested:
            self._suggested = len(state.suggestions)
            self.plan = full_plan(self.spec, state)
            self.trials, self.keys = _by_id(self.plan), _keys(self.plan)
            self._point_keys = informative_keys([point.settings for point in self.plan.points])

    @property
    def title(self) -> str:
        """Return the name of the run with its task, base and device."""
        bases = ", ".join(dict.fromkeys(point.train.base for point in self.spec.probes))
        return f"{self.name}: task {', '.join(self.tasks)}, base {bases}, {self.spec.provenance.device}"

    @property
    def tasks(self) -> list[str]:
        """Return the tasks of the run."""
        return list(dict.fromkeys(point.train.task for point in self.spec.probes))

    @property
    def metric(self) -> str:
        """Return a name for the column of ranking metrics: that of the metric, if all tasks have the same one."""
        names = {self._metric(task) for task in self.tasks}
        return names.pop() if len(names) == 1 else "metric"

    def metric_of(self, trial_id: str) -> str:
        """Return the name of the metric that ranks the points of a trial."""
        return self._metric(self.trials[trial_id].config.task)

    def _metric(self, task: str) -> str:
        return self.spec.metric or TASKS[task].metric

    def label(self, trial_id: str) -> str:
        """Return the settings in which a trial differs from the others."""
        if trial_id not in self.trials:
            return "baseline"
        return _label(self.trials[trial_id].points[0], self.keys)

    def finished(self, state: RunState) -> int:
        """Return the number of trials that are finished or cached."""
        return sum(not self._is_open(state, trial) for trial in self.trials.values())

    def best_of(self, state: RunState, trial_id: str) -> float | None:
        """Return the best metric among a trial's finished points."""
        if trial_id not in self.trials:
            return None
        name, points = self.metric_of(trial_id), self.trials[trial_id].points
        values = [value for point in points if (value := score(state, point, name)) is not None]
        return (max if larger_is_better(name) else min)(values, default=None)

    def best_lines(self, state: RunState) -> list[str]:
        """Return a line for each task with its best point so far and the baseline; none before a point is finished."""
        lines = (self._best_line(state, [p for p in self.plan.points if p.train.task == task]) for task in self.tasks)
        return [line for line in lines if line is not None]

    def _best_line(self, state: RunState, points: Sequence[Point]) -> str | None:
        name = self._metric(points[0].train.task) if points else ""
        scored = [(value, point) for point in points if (value := score(state, point, name)) is not None]
        if not scored:
            return None
        value, point = (max if larger_is_better(name) else min)(scored, key=lambda one: one[0])
        digits = decimals(name, [value])
        line = f"best {name} so far: {plain_text(value, digits)} at {_label(point, self._point_keys)}"
        baseline = score(state, point.baseline, name)
        return line if baseline is None else f"{line} (baseline {plain_text(baseline, digits)})"

    def seconds_left(self, state: RunState) -> float | None:
        """Return the estimated seconds until the end of the run; None before a trial has finished an epoch."""
        known = pace(self.trials.values(), state)
        if known is None:
            return None
        states = {trial_id: state.trial(trial_id) for trial_id in self.trials}
        left = [
            (trial.config, trial.epochs - states[trial_id].known_epoch)
            for trial_id, trial in self.trials.items()
            if self._is_open(state, trial)
        ]
        latest = list(self.trials.values())[-1]
        # Assume that trials yet to be suggested take as long as the latest one.
        to_suggest = suggestions_left(self.spec, state) * self.spec.tune_config.seeds
        running = sum(trial.status is Status.RUNNING for trial in states.values())
        return seconds_left([*left, *[(latest.config, latest.epochs)] * to_suggest], known, max(1, running))

    def _is_open(self, state: RunState, trial: Trial) -> bool:
        cached = all(point.point_id in state.cached for point in trial.points)
        return not cached and state.trial(trial.trial_id).status.is_open


def score(state: RunState, point: Point, name: str) -> float | None:
    """Return the metric `name`, or dev_loss, of a finished point, or None."""
    found = find_result(state, point)
    if found is None:
        return None
    return found.losses.dev_loss if name == "dev_loss" else found.metrics[name]


def _label(point: Point, keys: Sequence[str]) -> str:
    """Return the variant and the settings `keys` of a point, as far as they are on."""
    settings = [f"{key} {setting_text(point.settings[key])}" for key in keys if key in point.settings]
    return ", ".join([*([point.variant] if point.variant else []), *settings])


def _by_id(plan: Plan) -> dict[str, Trial]:
    return {trial.trial_id: trial for trial in plan.trials}


def _keys(plan: Plan) -> list[str]:
    """Return the settings in which the trials of `plan` differ."""
    return [key for key in informative_keys([to_flat(trial.config) for trial in plan.trials]) if key != "epochs"]
