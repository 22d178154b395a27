"""The space that a search samples from: branches, their axes, and the points to start with."""

import itertools
import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.errors import SpaceError
from sweep.planning.automatic import HasBF16, settle
from sweep.planning.axes import Axis, Choice, Grid, Range, axis_as_list, axis_from_list
from sweep.planning.checks import Problems
from sweep.planning.plan import Point, is_scoring, stable_id
from sweep.planning.space import Branch, Space, branches, resolve
from sweep.planning.values import plain

Params = dict[str, Any]  # axis -> value, and BRANCH -> number if the space has several branches

BRANCH = "branch"
ENUMERABLE = 100_000  # the most points of a space without continuous ranges that are tried one by one


@dataclass(frozen=True)
class SearchSpace:
    """What a search samples from."""

    branches: tuple[Branch, ...]
    first: tuple[Params, ...]  # the points to start with: `points_to_evaluate`
    seeds: int

    @classmethod
    def of(
        cls, space: Space, overrides: Mapping[str, Any], seeds: int, has_bf16: HasBF16 = lambda: True
    ) -> "SearchSpace":
        """Make a search space. `has_bf16` tells what the precision auto means on the trials' device.

        Raise SpaceError, with all errors in it, if one of its corners is invalid or a starting point is outside it.
        """
        first = tuple(
            {key: settle(key, plain(value), has_bf16) for key, value in point.items()}
            for point in space.points_to_evaluate
        )
        made = cls(tuple(branches(space, overrides, has_bf16)), first, seeds)
        if not made.branches:
            raise SpaceError("the space has no points: give it at least one variant and one decoding")
        if not any(made.searched(branch) for branch in made.branches) and len(made.branches) == 1:
            raise SpaceError("the space has no axes: there is nothing to search")
        problems = Problems()
        for params in (*made.corners(), *made.pairs()):
            with problems.collect():
                made.points(params)
        for number, params in enumerate(made.first):
            with problems.collect():
                made.points(made.complete(params, number))
        problems.check()
        return made

    @staticmethod
    def searched(branch: Branch) -> dict[str, Axis]:
        """Return the axes that a search samples; not `epochs`, because its values are milestones of one trial."""
        return {key: axis for key, axis in branch.axes.items() if key != "epochs"}

    def points(self, params: Params) -> tuple[Point, ...]:
        """Return the points of `params`: one for each milestone and seed. Raise SpaceError if one is invalid."""
        branch = self.branches[params.get(BRANCH, 0)]
        settings = {**branch.plain, **{key: value for key, value in params.items() if key != BRANCH}}
        epochs = branch.axes.get("epochs")
        milestones: Sequence[Any] = epochs.values if isinstance(epochs, Grid | Choice) else (None,)
        budgets = [{} if epoch is None else {"epochs": epoch} for epoch in milestones]
        found = [resolve({**settings, **budget}, branch.variant) for budget in budgets]
        return tuple(point.with_offset(offset) for offset in range(self.seeds) for point in found)

    def corners(self) -> Iterator[Params]:
        """Yield points that together include both ends of every axis."""
        for number, ends in enumerate(map(self._ends, self.branches)):
            plain_ends = {BRANCH: number, **{key: values[0] for key, values in ends.items()}}
            yield plain_ends
            for key, values in ends.items():
                for value in values[1:]:
                    yield {**plain_ends, key: value}

    def pairs(self) -> Iterator[Params]:
        """Yield points that together include every pair of ends of two axes."""
        for number, ends in enumerate(map(self._ends, self.branches)):
            plain_ends = {BRANCH: number, **{key: values[0] for key, values in ends.items()}}
            for (one, ones), (other, others) in itertools.combinations(ends.items(), 2):
                for value, second in itertools.product(ones[1:], others[1:]):
                    yield {**plain_ends, one: value, other: second}

    def _ends(self, branch: Branch) -> dict[str, Sequence[Any]]:
        """Return, for each axis, all its values, or the two ends of a range."""
        return {key: a.ends if isinstance(a, Range) else a.values for key, a in self.searched(branch).items()}

    def probes(self) -> tuple[Point, ...]:
        """Return the points of all corners; together they use every base and data set of the space."""
        return tuple(point for params in self.corners() for point in self.points(params))

    @property
    def searches_scoring(self) -> bool:
        """Return whether two points can share a trial: differ in decoding, or in the epoch that is scored, alone."""
        axes = any(is_scoring(key) for branch in self.branches for key in self.searched(branch))
        return axes or len({_training_settings(branch) for branch in self.branches}) < len(self.branches)

    def random(self, index: int, attempt: int = 0) -> Params:
        """Return random sample number `index`; another `attempt` gives another sample."""
        stream = f"{index}/{attempt}"
        number = random.Random(f"{BRANCH}/{stream}").randrange(len(self.branches))
        return self.params(number, self._sample(number, stream))

    def _sample(self, number: int, stream: str) -> Params:
        """Return one value for each axis of the branch `number`."""
        index = int(stable_id(stream), 16)
        axes = self.searched(self.branches[number])
        return {k: (Choice(a.values) if isinstance(a, Grid) else a).sample(k, index) for k, a in axes.items()}

    def params(self, number: int, values: Params) -> Params:
        """Return `values` together with the number of their branch, if there are several branches."""
        return {**({BRANCH: number} if len(self.branches) > 1 else {}), **values}

    def complete(self, params: Params, index: int) -> Params:
        """Return starting point number `index` with random values for its missing axes.

        Raise SpaceError if no branch contains `params`.
        """
        for number, branch in enumerate(self.branches):
            axes = self.searched(branch)
            if all(key in axes and _holds(axes[key], value) for key, value in params.items()):
                return self.params(number, {**self._sample(number, f"{index}/0"), **params})
        raise SpaceError(
            f"points_to_evaluate[{index}]: {params} is not in the space; "
            f"its axes: {', '.join(dict.fromkeys(key for branch in self.branches for key in self.searched(branch)))}"
        )

    def unseen(self, seen: Collection[str]) -> Params | None:
        """Return a point that is not in `seen`; None if there is none, or if there are too many points to try each."""
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

    def as_dict(self, without: Collection[str] = (), *, labels: bool = True) -> dict[str, Any]:
        """Return the space as JSON, without the plain values and axes of the keys `without`.

        `labels` is whether to include the names of variants.
        """
        listed = [
            {
                "plain": {key: value for key, value in branch.plain.items() if key not in without},
                "axes": {key: axis_as_list(axis) for key, axis in branch.axes.items() if key not in without},
                **({"variant": branch.variant} if labels and branch.variant else {}),
            }
            for branch in self.branches
        ]
        return {"branches": listed, "first": list(self.first), "seeds": self.seeds}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "SearchSpace":
        made = tuple(
            Branch(
                dict(item["plain"]),
                {key: axis_from_list(axis) for key, axis in item["axes"].items()},
                item.get("variant"),
            )
            for item in raw["branches"]
        )
        return cls(made, tuple(raw["first"]), raw["seeds"])


def _holds(axis: Axis, value: Any) -> bool:
    if not isinstance(axis, Range):
        return value in axis.values
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low, high = axis.ends
    return low <= value <= high and (axis.values is None or value in axis.values)


def _training_settings(branch: Branch) -> str:
    """Return the settings and axes of a branch that decide its trials, as text."""
    settings = {**branch.plain, **{key: str(axis) for key, axis in branch.axes.items()}}
    return str({key: value for key, value in settings.items() if not is_scoring(key)})
