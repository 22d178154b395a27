"""Points that are drawn rather than listed: at random, or by Optuna's TPE from what is known so far.

A search draws from the same space that a grid multiplies: values of grid axes become categories, each variant and
each decoding a branch of its own. What it draws next depends on nothing but the space, the number of points drawn,
and what the ledger holds, so that a resumed search goes on as an uninterrupted one would. No point comes up twice.

TPE: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011. It is asked and told: a point that
was stopped at a rung is told PRUNED with what it was stopped at, one that diverged or failed FAIL; a number that is not
finite is never told.
"""

import itertools
import math
import random
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sweep.errors import SpaceError
from sweep.planning.axes import Axis, Choice, Grid, Range, axis_as_list, axis_from_list
from sweep.planning.plan import Point, stable_id
from sweep.planning.space import Branch, Resolved, Space, branches, resolve

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

Params = dict[str, Any]  # axis -> value, and BRANCH -> its number where there are several
BRANCH = "branch"
TRIES = 100  # draws that may repeat a point before what is left is looked through
ENUMERABLE = 100_000  # points of a space without continuous ranges that may be looked through
STARTUP = 10  # points that TPE draws at random before it begins to model


@dataclass(frozen=True)
class Told:
    """What is known of a point that was drawn. `value`: its objective, lower is better."""

    params: Params
    state: str  # COMPLETE, PRUNED, FAIL or RUNNING, as Optuna has them
    value: float | None = None  # of COMPLETE and PRUNED: finite
    epoch: int = 0  # at which a PRUNED one was stopped


@dataclass(frozen=True)
class Drawn:
    """A point that a search wants to be tried: one for each milestone and seed."""

    params: Params
    points: tuple[Point, ...]


@dataclass(frozen=True)
class SearchSpace:
    """What is drawn from: branches, and the points to begin with."""

    branches: tuple[Branch, ...]
    first: tuple[Params, ...]  # points_to_evaluate
    seeds: int

    @classmethod
    def of(cls, space: Space, overrides: Mapping[str, Any], seeds: int) -> "SearchSpace":
        """Raises SpaceError where a corner of the space cannot be, or a point to begin with does not lie in it."""
        made = cls(tuple(branches(space, overrides)), tuple(dict(p) for p in space.points_to_evaluate), seeds)
        if not made.branches:
            raise SpaceError("the space has no points: give it at least one variant and one decoding")
        if not any(made.searched(branch) for branch in made.branches) and len(made.branches) == 1:
            raise SpaceError("the space has no axes: there is nothing to search")
        made.probes()
        made.check_pairs()
        for number, params in enumerate(made.first):
            made.points(made.placed(params, number))
        return made

    @staticmethod
    def searched(branch: Branch) -> dict[str, Axis]:
        """The axes that are drawn from. An axis of epochs only says when to score."""
        return {key: axis for key, axis in branch.axes.items() if key != "epochs"}

    def points(self, params: Params) -> tuple[Point, ...]:
        """What `params` stand for: one point for each milestone, seed after seed. Raises SpaceError."""
        branch = self.branches[params.get(BRANCH, 0)]
        settings = {**branch.plain, **{key: value for key, value in params.items() if key != BRANCH}}
        epochs = branch.axes.get("epochs")
        milestones: Sequence[Any] = epochs.values if isinstance(epochs, Grid | Choice) else (None,)
        found = [resolve(settings if epoch is None else {**settings, "epochs": epoch}) for epoch in milestones]
        return tuple(_seeded(point, offset) for offset in range(self.seeds) for point in found)

    def corners(self) -> Iterator[tuple[Point, ...]]:
        """Points with every end of every axis, to check a space by. Raises SpaceError."""
        for number, ends in enumerate(map(self._ends, self.branches)):
            plain = {BRANCH: number, **{key: values[0] for key, values in ends.items()}}
            yield self.points(plain)
            for key, values in ends.items():
                for value in values[1:]:
                    yield self.points({**plain, key: value})

    def check_pairs(self) -> None:
        """Raises SpaceError where ends of two axes do not go together."""
        for number, ends in enumerate(map(self._ends, self.branches)):
            plain = {BRANCH: number, **{key: values[0] for key, values in ends.items()}}
            for (one, ones), (other, others) in itertools.combinations(ends.items(), 2):
                for value, second in itertools.product(ones[1:], others[1:]):
                    self.points({**plain, one: value, other: second})

    def _ends(self, branch: Branch) -> dict[str, Sequence[Any]]:
        """By axis: every value, or the ends of a range."""
        return {key: a.ends if isinstance(a, Range) else a.values for key, a in self.searched(branch).items()}

    def probes(self) -> tuple[Point, ...]:
        """The corners' points: between them they use every base and data set of the space."""
        return tuple(point for points in self.corners() for point in points)

    @property
    def searches_decoding(self) -> bool:
        """Whether points may differ in nothing but decoding."""
        axes = any(key.startswith("decode.") for branch in self.branches for key in self.searched(branch))
        return axes or len({_training(branch) for branch in self.branches}) < len(self.branches)

    def random(self, index: int, attempt: int = 0) -> Params:
        """Draw number `index`; a further `attempt` draws another one."""
        stream = f"{index}/{attempt}"
        number = random.Random(f"{BRANCH}/{stream}").randrange(len(self.branches))
        return self.params(number, self._drawn(number, stream))

    def _drawn(self, number: int, stream: str) -> Params:
        """A value of each axis of a branch."""
        place = int(stable_id(stream), 16)
        axes = self.searched(self.branches[number])
        return {k: (Choice(a.values) if isinstance(a, Grid) else a).sample(k, place) for k, a in axes.items()}

    def params(self, number: int, values: Params) -> Params:
        """Values in the branch `number`, which is named where there are several."""
        return {**({BRANCH: number} if len(self.branches) > 1 else {}), **values}

    def placed(self, params: Params, index: int) -> Params:
        """A point to begin with: axes that it leaves out are drawn. Raises SpaceError where no branch holds it."""
        for number, branch in enumerate(self.branches):
            axes = self.searched(branch)
            if all(key in axes and _holds(axes[key], value) for key, value in params.items()):
                return self.params(number, {**self._drawn(number, f"{index}/0"), **params})
        raise SpaceError(
            f"points_to_evaluate[{index}]: {params} does not lie in the space; "
            f"its axes: {', '.join(dict.fromkeys(key for branch in self.branches for key in self.searched(branch)))}"
        )

    def unseen(self, seen: Collection[str]) -> Params | None:
        """A point that was not drawn, in a space that can be looked through; None where there is none."""
        for number, branch in enumerate(self.branches):
            axes = self.searched(branch)
            values = [found for axis in axes.values() if (found := axis.values) is not None]
            if len(values) < len(axes) or math.prod(map(len, values)) > ENUMERABLE:
                return None
            for combination in itertools.product(*values):
                params = self.params(number, dict(zip(axes, combination, strict=True)))
                if self.points(params)[0].point_id not in seen:
                    return params
        return None

    def as_dict(self) -> dict[str, Any]:
        listed = [
            {"plain": branch.plain, "axes": {key: axis_as_list(axis) for key, axis in branch.axes.items()}}
            for branch in self.branches
        ]
        return {"branches": listed, "first": list(self.first), "seeds": self.seeds}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "SearchSpace":
        made = tuple(
            Branch(dict(item["plain"]), {key: axis_from_list(axis) for key, axis in item["axes"].items()})
            for item in raw["branches"]
        )
        return cls(made, tuple(raw["first"]), raw["seeds"])


def draw(space: SearchSpace, search: str, history: Sequence[Told], seen: Collection[str]) -> Drawn | None:
    """The next point of `search` (random or tpe) after `history`; None where every point was drawn.

    `seen`: ids of points that must not come up again.
    """
    index = len(history)
    if index < len(space.first):
        params = space.placed(space.first[index], index)
        if (points := space.points(params))[0].point_id not in seen:
            return Drawn(params, points)
    for attempt in range(TRIES):
        by_model = search == "tpe" and attempt < TRIES // 2
        params = _ask(space, history, attempt) if by_model else space.random(index, attempt)
        if (points := space.points(params))[0].point_id not in seen:
            return Drawn(params, points)
    left = space.unseen(seen)
    return None if left is None else Drawn(left, space.points(left))


def draw_all(space: SearchSpace, count: int) -> list[Drawn]:
    """`count` points at random, or all there are."""
    found: list[Drawn] = []
    told: list[Told] = []
    seen: set[str] = set()
    while len(found) < count and (drawn := draw(space, "random", told, seen)):
        found.append(drawn)
        told.append(Told(drawn.params, "RUNNING"))
        seen.add(drawn.points[0].point_id)
    return found


def _ask(space: SearchSpace, history: Sequence[Told], attempt: int) -> Params:
    """What TPE proposes. The study is made from the history each time: it holds nothing of its own."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        axes = [branch["axes"] for branch in space.as_dict()["branches"]]  # not the rest: a path may be of one machine
        seed = int(stable_id(["tpe", axes, len(history), attempt]), 16) % 2**32
        # Groups are the branches: what is conditional on one is modelled within it. Points under way count as bad ones,
        # so that workers do not crowd into one place.
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP, multivariate=True, group=True, constant_liar=True
        )
        study = optuna.create_study(sampler=sampler, direction="minimize")
        for told in history:
            study.add_trial(_frozen(space, told))
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


def _frozen(space: SearchSpace, told: Told) -> "optuna.trial.FrozenTrial":
    import optuna

    number = told.params.get(BRANCH, 0)
    axes = space.searched(space.branches[number])
    params = {_name(space, number, key): _encoded(axes[key], told.params[key]) for key in axes}
    distributions = {_name(space, number, key): _distribution(axis) for key, axis in axes.items()}
    if len(space.branches) > 1:
        params[BRANCH] = number
        distributions[BRANCH] = optuna.distributions.CategoricalDistribution(range(len(space.branches)))
    state = optuna.trial.TrialState[told.state]
    return optuna.trial.create_trial(
        state=state,
        params=params,
        distributions=distributions,
        value=told.value if told.state == "COMPLETE" else None,
        intermediate_values={told.epoch: told.value} if told.state == "PRUNED" and told.value is not None else None,
    )


def _name(space: SearchSpace, number: int, key: str) -> str:
    """Of a parameter: the axis' key, with the branch where other branches have another axis of that key."""
    axes = [branch.axes.get(key) for branch in space.branches]
    return key if all(axis in (None, space.branches[number].axes[key]) for axis in axes) else f"{key}@{number}"


def _distribution(axis: Axis) -> "BaseDistribution":
    """The axis as `_suggested` asks for it: categories by place, since values may be anything; multiples by count."""
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


def _holds(axis: Axis, value: Any) -> bool:
    if not isinstance(axis, Range):
        return value in axis.values
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low, high = axis.ends
    return low <= value <= high and (axis.values is None or value in axis.values)


def _training(branch: Branch) -> str:
    """What a branch says of trainings, as text."""
    settings = {**branch.plain, **{key: str(axis) for key, axis in branch.axes.items()}}
    return str({key: value for key, value in settings.items() if not key.startswith("decode.")})


def _seeded(resolved: Resolved, offset: int) -> Point:
    train, decode = resolved
    return Point(replace(train, seed=train.seed + offset), decode)
