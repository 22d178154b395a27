"""A run as an Optuna study, for optuna-dashboard and Optuna's plots: one trial for each point that has ended."""

import math
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.errors import RunError, UsageError
from sweep.export.sqlite import storage
from sweep.reporting.leaderboard import Row, compared, larger_is_better, rows
from sweep.reporting.points import no_finished_point
from sweep.reporting.settings import constant_settings, informative_keys
from sweep.reporting.verdicts.domains import domains, settings_and_methods
from sweep.statistics.importance import distribution
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state
from sweep.store.status import Status

STATES = {
    Status.COMPLETED: TrialState.COMPLETE,
    Status.CACHED: TrialState.COMPLETE,
    Status.STOPPED: TrialState.PRUNED,
    Status.DIVERGED: TrialState.FAIL,
    Status.FAILED: TrialState.FAIL,
}  # points of another status have not ended, and are left out
ATTRIBUTES = ("point_id", "trial_id", "variant", "seed", "stop_reason", "failure", "cached_from")
COSTS = ("trainable_params", "train_seconds", "decode_seconds", "train_tokens", "peak_memory_bytes")


def write_study(run: RunFolder, path: Path) -> str:
    """Add the run, as a study of its name, to the SQLite file `path`, and return what was written, in words.

    The value of a trial is the metric that ranks the run; its intermediate values are the dev losses. Points that have
    not ended are left out. Raise RunError if none has, UsageError if the file holds a study of that name or something
    that is not Optuna's.
    """
    state = load_state(run)
    ended = [row for row in rows(run, state) if row["status"] in STATES]
    if not ended:
        raise no_finished_point(run, ended)
    metrics = dict.fromkeys(row["metric"] for row in ended)
    if len(metrics) > 1:
        raise RunError(f"a study has one metric, but the tasks of run {run.name!r} have several: {', '.join(metrics)}")
    (metric,) = metrics
    found = _trials(run, state, ended, metric)
    path.parent.mkdir(parents=True, exist_ok=True)
    with storage(path, new=not path.exists()) as opened:
        if run.name in optuna.get_all_study_names(opened):
            raise UsageError(f"{path} already holds a study named {run.name!r}; name another file")
        _add(opened, run.name, metric, ended, found)
    return f"study {run.name!r} with {len(found)} trials"


def _add(
    opened: optuna.storages.BaseStorage, name: str, metric: str, ended: list[Row], trials: list[FrozenTrial]
) -> None:
    """Add a study to a storage, completely or not at all."""
    direction = StudyDirection.MAXIMIZE if larger_is_better(metric) else StudyDirection.MINIMIZE
    study = optuna.create_study(storage=opened, study_name=name, direction=direction)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([metric])
        constant = constant_settings([settings_and_methods(row) for row in ended])
        study.set_user_attr("settings", {key: value for key, value in constant.items() if value is not None})
        study.add_trials(trials)
    except BaseException:
        optuna.delete_study(study_name=name, storage=opened)
        raise


def _trials(run: RunFolder, state: RunState, ended: list[Row], metric: str) -> list[FrozenTrial]:
    """Return the trials, in the order in which the points ended."""
    settings = [settings_and_methods(row) for row in ended]
    keys = [key for key in informative_keys(settings) if key != "seed"]
    known = domains(settings, keys, run.spec.search_space)
    distributions = {
        key: distribution([one[key] for one in settings if one.get(key) is not None], known.get(key)) for key in keys
    }
    begun = datetime.fromisoformat(run.spec.created_at)  # of a point whose own times are unknown
    made = [_trial(row, one, state, metric, distributions, begun) for row, one in zip(ended, settings, strict=True)]
    return sorted(made, key=lambda trial: trial.datetime_complete or trial.datetime_start or datetime.min)


def _trial(
    row: Row,
    settings: Mapping[str, Any],
    state: RunState,
    metric: str,
    distributions: Mapping[str, BaseDistribution],
    begun: datetime,
) -> FrozenTrial:
    value = row.get(metric)
    is_number = value is not None and math.isfinite(value)
    outcome = STATES[row["status"]] if is_number or row["status"] == Status.STOPPED else TrialState.FAIL
    present = [key for key in distributions if settings.get(key) is not None]
    others = [name for name in (*compared([row]), "train_loss", "epoch") if name != metric]
    attributes = {name: row.get(name) for name in (*ATTRIBUTES, *others, *COSTS)}
    trial = create_trial(
        state=outcome,
        value=value if outcome == TrialState.COMPLETE else None,
        params={key: settings[key] for key in present},
        distributions={key: distributions[key] for key in present},
        intermediate_values=_dev_losses(row, state),
        user_attrs={name: found for name, found in attributes.items() if found is not None and found == found},
    )
    trial.datetime_start = _local(row.get("started_at") or begun)
    trial.datetime_complete = _local(row.get("ended_at") or row.get("started_at") or begun)
    return trial


def _dev_losses(row: Row, state: RunState) -> dict[int, float]:
    """Return the dev loss of each epoch of the point; of a point from another run, that of its scored epoch."""
    epochs = state.trial(row["trial_id"]).epochs
    known = {number: one.losses.dev_loss for number, one in sorted(epochs.items()) if number <= row["epochs_budget"]}
    if row["status"] == Status.CACHED:
        known = {row["epoch"]: row["dev_loss"]}
    return {number: loss for number, loss in known.items() if math.isfinite(loss)}


def _local(time: datetime) -> datetime:
    """Return a time as Optuna stores it: in the zone of this machine, without its name."""
    return time.astimezone().replace(tzinfo=None)
