"""The space that a search draws from: branches, their axes, and the points to begin with."""

import itertools
import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweep.errors import SpaceError
from sweep.planning.axes import Axis, Choice, Grid, Range, axis_as_list, axis_from_list
from sweep.planning.plan import Point, stable_id
from sweep.planning.space import Branch, Resolved, Space, branches, resolve

Params = dict[str, Any]  # axis -> value, and BRANCH -> its number where there are several


BRANCH = "branch"


ENUMERABLE = 100_000  # points of a space without continuous ranges that may be looked through


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
