"""TPE, the tree-structured Parzen estimator, through Optuna.

Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011. Optuna receives a point that stopped at a
rung as PRUNED with its value there, and a point that diverged or failed as FAIL. It never receives NaN or infinity.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

import warnings
from collections.abc import Sequence
from typing import Any

from sweep.planning.axes import Axis, Range
from sweep.planning.plan import stable_id
from sweep.planning.search_space import BRANCH, Params, SearchSpace
from sweep.tuning.observations import Observation

STARTUP = 10  # random points before TPE starts to model


def propose(space: SearchSpace, history: Sequence[Observation], attempt: int) -> Params:
    """Return TPE's proposal after `history`. The study is rebuilt from the history each time and keeps no state."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        axes = [branch["axes"] for branch in space.as_dict()["branches"]]  # not plain settings: paths differ by machine
        seed = int(stable_id(["tpe", axes, len(history), attempt]), 16) % 2**32
        # Groups model each branch by itself. With constant_liar, running points count as bad ones, so that parallel
        # workers do not all try the same region.
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP, multivariate=True, group=True, constant_liar=True
        )
        study = optuna.create_study(sampler=sampler, direction="minimize")
        for observation in history:
            study.add_trial(_frozen(space, observation))
        trial = study.ask()
        return _suggest(space, trial)


def _suggest(space: SearchSpace, trial: "optuna.Trial") -> Params:
    number = trial.suggest_categorical(BRANCH, range(len(space.branches))) if len(space.branches) > 1 else 0
    axes = space.searched(space.branches[number])
    return space.params(number, {key: _suggested(trial, _name(space, number, key), a) for key, a in axes.items()})


def _suggested(trial: "optuna.Trial", name: str, axis: Axis) -> Any:
    if not isinstance(axis, Range):
        return axis.values[trial.suggest_categorical(name, range(len(axis.values)))]
    if axis.kind == "quniform":
        return axis.multiple(trial.suggest_int(name, *axis.steps))
    if axis.kind == "randint":
        return trial.suggest_int(name, int(axis.low), int(axis.high) - 1)
    return trial.suggest_float(name, axis.low, axis.high, log=axis.kind == "loguniform")


def _frozen(space: SearchSpace, observation: Observation) -> "optuna.trial.FrozenTrial":
    import optuna

    number = observation.params.get(BRANCH, 0)
    axes = space.searched(space.branches[number])
    params = {_name(space, number, key): _encoded(axes[key], observation.params[key]) for key in axes}
    distributions = {_name(space, number, key): _distribution(axis) for key, axis in axes.items()}
    if len(space.branches) > 1:
        params[BRANCH] = number
        distributions[BRANCH] = optuna.distributions.CategoricalDistribution(range(len(space.branches)))
    state, value = optuna.trial.TrialState[observation.state], observation.value
    return optuna.trial.create_trial(
        state=state,
        params=params,
        distributions=distributions,
        value=value if observation.state == "COMPLETE" else None,
        intermediate_values={observation.epoch: value} if observation.state == "PRUNED" and value is not None else None,
    )


def _name(space: SearchSpace, number: int, key: str) -> str:
    """Return Optuna's name for an axis: its key, plus the branch's number if another branch has another axis there."""
    axes = [branch.axes.get(key) for branch in space.branches]
    return key if all(axis in (None, space.branches[number].axes[key]) for axis in axes) else f"{key}@{number}"


def _distribution(axis: Axis) -> "BaseDistribution":
    """Return the distribution that `_suggested` samples.

    Categories are given by position, because values may be of any type, and quniform by multiples of `q`.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(axis, Range):
        return CategoricalDistribution(range(len(axis.values)))
    if axis.kind == "quniform":
        return IntDistribution(*axis.steps)
    if axis.kind == "randint":
        return IntDistribution(int(axis.low), int(axis.high) - 1)
    return FloatDistribution(axis.low, axis.high, log=axis.kind == "loguniform")


def _encoded(axis: Axis, value: Any) -> Any:
    if not isinstance(axis, Range):
        return axis.values.index(value)
    return round(value / axis.q) if axis.q else value
