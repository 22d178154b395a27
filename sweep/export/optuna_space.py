"""Make a space from an Optuna study: distributions become axes, and the best trials start a search."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from model.suggest import did_you_mean
from sweep.errors import SpaceError, UsageError
from sweep.export.sqlite import storage
from sweep.planning.axes import Axis, choice, loguniform, quniform, randint, uniform
from sweep.planning.flat import decode_keys, train_keys
from sweep.planning.registry import render
from sweep.planning.search_space import SearchSpace
from sweep.planning.space import Space

NOT_SEARCHED = {"epochs": "set it with --set epochs=N", "seed": "set the seeds with --seeds"}
MOST_VALUES = 1000  # of a stepped range that is written as a list, because it does not consist of multiples of its step


@dataclass(frozen=True)
class Imported:
    """A space made of a study, its source, and what the user should know about it."""

    study: str
    space: Space
    source: str
    remarks: tuple[str, ...]


def import_study(path: Path, name: str | None, task: str, names: Mapping[str, str], first: int) -> Imported:
    """Return the study `name` in the file `path` as a space; None: the only study in it.

    `names` maps parameters of the study to settings; a parameter called like a setting needs no entry. At most `first`
    trials, the best ones, become points to start with. Raise UsageError if there is no such study or setting.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    with storage(path) as opened:
        study = optuna.load_study(study_name=_chosen(path, optuna.get_all_study_names(opened), name), storage=opened)
        trials, direction, found = study.get_trials(), study.directions[0], study.study_name
    remarks: list[str] = []
    keys = _settings(_distributions(trials), names, remarks)
    fixed: dict[str, Any] = {}
    axes: dict[str, Axis] = {}
    for parameter, distribution in _distributions(trials).items():
        if (key := keys.get(parameter)) is None:
            continue
        if distribution.single():
            fixed[key] = next(trial.params[parameter] for trial in trials if parameter in trial.params)
        else:
            axes[key] = _axis(key, distribution, remarks)
    if not axes:
        raise UsageError(f"study {found!r} in {path} has no parameter with the name of a setting: map some with --map")
    points = list(_best(trials, direction, {theirs: key for theirs, key in keys.items() if key in axes}))[:first]
    space = Space(task=task, fixed=fixed, axes=axes, points_to_evaluate=points)
    return Imported(
        found,
        space,
        f'"""Imported from the Optuna study {found!r}."""\n\n{render(space)}',
        (*remarks, *_problems(space)),
    )


def _chosen(path: Path, known: Sequence[str], name: str | None) -> str:
    if name is None and len(known) == 1:
        return known[0]
    if name is None or name not in known:
        asked = "choose one with --study" if name is None else f"has no study {name!r}"
        raise UsageError(f"{path}: {asked}. Known: {', '.join(known) or 'none'}")
    return name


def _distributions(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return the distribution of each parameter, that of the latest trial with it."""
    return {name: distribution for trial in trials for name, distribution in trial.distributions.items()}


def _settings(
    distributions: Mapping[str, BaseDistribution], names: Mapping[str, str], remarks: list[str]
) -> dict[str, str]:
    """Return the setting that each parameter means; name the others in `remarks`."""
    known = {**train_keys(), **decode_keys()}
    for theirs, ours in names.items():
        if theirs not in distributions:
            hint = did_you_mean(theirs, distributions)
            raise UsageError(
                f"--map {theirs}={ours}: the study has no parameter {theirs!r}: {hint}Known: {', '.join(distributions)}"
            )
        if ours not in known:
            raise UsageError(
                f"--map {theirs}={ours}: there is no setting {ours!r}: {did_you_mean(ours, known)}"
                "`sweep settings` lists them"
            )
    found = {}
    for parameter in distributions:
        key = names.get(parameter, parameter)
        if key in NOT_SEARCHED:
            remarks.append(f"left out {parameter}: {NOT_SEARCHED[key]}")
        elif key in known:
            found[parameter] = key
        else:
            remarks.append(f"left out {parameter}: no setting has this name; write --map {parameter}=SETTING")
    return found


def _axis(key: str, distribution: BaseDistribution, remarks: list[str]) -> Axis:
    """Return a distribution as an axis; say in `remarks` where it is another."""
    if isinstance(distribution, CategoricalDistribution):
        return choice(list(distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if isinstance(distribution, IntDistribution) and step == 1:
        if distribution.log:
            remarks.append(
                f"{key}: its logarithmic scale is lost: all whole numbers from {low} to {high} are equally likely"
            )
        return randint(int(low), int(high) + 1)
    if step is None:
        return loguniform(low, high) if distribution.log else uniform(low, high)
    count = round((high - low) / step) + 1
    if abs(low / step - round(low / step)) > 1e-9 and count <= MOST_VALUES:
        return choice([float(f"{low + number * step:.12g}") for number in range(count)])
    return quniform(low, high, step)


def _best(
    trials: Sequence[FrozenTrial], direction: StudyDirection, keys: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the settings of complete trials, the best first, each once. Of several objectives, the first counts."""
    sign = -1 if direction == StudyDirection.MAXIMIZE else 1
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    seen = []
    for trial in sorted(complete, key=lambda trial: sign * trial.values[0]):
        point = {keys[name]: _rounded(value) for name, value in trial.params.items() if name in keys}
        if point and point not in seen:
            seen.append(point)
            yield point


def _rounded(value: Any) -> Any:
    """Return a float without the rounding error of a multiple: 0.30000000000000004 is 0.3."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _problems(space: Space) -> Iterator[str]:
    """Yield what must be edited before the space can be searched."""
    try:
        SearchSpace.of(space, {}, seeds=1)
    except SpaceError as error:
        yield f"edit the space before running it: {error}"
