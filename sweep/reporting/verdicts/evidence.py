"""Collect from a run what the health checks look at."""

from collections.abc import Sequence

from sweep.planning.plan import Plan, Trial
from sweep.reporting.verdicts.check import Evidence
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, find_result, full_plan
from sweep.tuning.schedulers import levels


def evidence(folder: RunFolder, state: RunState) -> Evidence:
    """Return the evidence of a run."""
    plan = full_plan(folder.spec, state)
    finished = [trial for trial in plan.trials if _is_finished(state, trial)]
    return Evidence(
        curves=[_curve(state, trial) for trial in finished if not trial.keeps_best],
        rungs=_rungs(folder, state, finished),
        examples=_examples(state, plan),
    )


def _is_finished(state: RunState, trial: Trial) -> bool:
    return state.trial(trial.trial_id).known_epoch >= trial.epochs > 0


def _curve(state: RunState, trial: Trial) -> list[float]:
    """Return the dev loss of the base, if it is known, then of each epoch."""
    base = find_result(state, trial.points[0].baseline)
    epochs = state.trial(trial.trial_id).epochs
    losses = [epochs[number].losses.dev_loss for number in sorted(epochs)]
    return [base.losses.dev_loss, *losses] if base is not None else losses


def _rungs(folder: RunFolder, state: RunState, finished: Sequence[Trial]) -> dict[int, list[tuple[float, float]]]:
    """Return, by epoch, the dev loss at the rung and at the end of each finished trial; empty without a scheduler."""
    if folder.spec.tune_config.scheduler == "fifo":
        return {}
    found: dict[int, list[tuple[float, float]]] = {}
    for trial in finished:
        epochs = state.trial(trial.trial_id).epochs
        for level in levels(folder.spec.tune_config, trial.epochs):
            found.setdefault(level, []).append((epochs[level].losses.dev_loss, epochs[trial.epochs].losses.dev_loss))
    return found


def _examples(state: RunState, plan: Plan) -> int | None:
    """Return the number of dev examples of the first scored point."""
    for point in plan.points:
        scored = state.scores.get(point.point_id)
        if scored is not None and scored.score.samples:
            return len({sample.get("example") for sample in scored.score.samples})
    return None
