"""The kinds of axes, named as in Ray Tune. Ray's own axis objects are accepted too, without importing Ray.

Grid axes multiply: every value of one is combined with every value of the others. The other kinds draw one value per
sample. Each axis has its own random stream, so adding an axis does not change the values of another.
"""

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweep.errors import SpaceError
from sweep.planning.values import listed, plain

COUNTABLE = 100_000  # the most multiples of `q` that are listed one by one


@dataclass(frozen=True)
class Grid:
    """An axis that takes every one of `values`."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(map(plain, self.values)))
        if not self.values:
            raise SpaceError("a grid needs at least one value")


@dataclass(frozen=True)
class Choice:
    """An axis that draws one of `values` per sample, all equally likely."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(map(plain, self.values)))
        if not self.values:
            raise SpaceError("a choice needs at least one value")

    def sample(self, key: str, index: int) -> Any:
        """Return the value of sample `index` of the axis `key`; equal arguments give equal values."""
        return _stream(key, f"choice{self.values}", index).choice(self.values)


@dataclass(frozen=True)
class Range:
    """An axis that draws one number per sample.

    `kind` is uniform, loguniform, quniform (multiples of `q`) or randint (`high` excluded).
    """

    kind: str
    low: float
    high: float
    q: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high", "q"):
            object.__setattr__(self, name, plain(getattr(self, name)))
            self._check_number(name)
        if not self.low < self.high:
            raise SpaceError(f"{self}: low must be below high")
        if self.kind == "loguniform" and self.low <= 0:
            raise SpaceError(f"{self}: low must be above 0")
        if self.q is not None and (self.q <= 0 or self.steps[0] > self.steps[1]):
            raise SpaceError(f"{self}: no multiple of q lies in the range")

    def _check_number(self, name: str) -> None:
        """Raise SpaceError unless `low`, `high` or `q` is a number, and a whole one for randint."""
        value = getattr(self, name)
        if value is None and name == "q":
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SpaceError(f"{self.kind}: {name} must be a number, got {value!r} ({type(value).__name__})")
        if self.kind == "randint" and not isinstance(value, int):
            if not value.is_integer():
                raise SpaceError(f"{self.kind}: {name} must be a whole number, got {value!r}")
            object.__setattr__(self, name, int(value))

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(str(n) for n in (self.low, self.high, self.q) if n is not None)})"

    @property
    def steps(self) -> tuple[int, int]:
        """Return the first and the last multiple of `q` in the range, both divided by `q`.

        The quotients are rounded, because 0.3 / 0.1 is 2.9999999999999996 and 0.3 is a multiple of 0.1.
        """
        assert self.q is not None, "only quniform has steps"
        return math.ceil(_rounded(self.low / self.q)), math.floor(_rounded(self.high / self.q))

    @property
    def ends(self) -> tuple[float, float]:
        """Return the lowest and the highest value that can be drawn."""
        if self.kind == "randint":
            return self.low, self.high - 1
        return (self.multiple(self.steps[0]), self.multiple(self.steps[1])) if self.q else (self.low, self.high)

    @property
    def is_whole(self) -> bool:
        """Return whether every value is a whole number."""
        return self.kind == "randint" or (self.q is not None and float(self.q).is_integer())

    @property
    def values(self) -> Sequence[float] | None:
        """Return every value that can be drawn; None if they are continuous, or more than COUNTABLE multiples."""
        if self.kind == "randint":
            return range(int(self.low), int(self.high))
        if self.q is None:
            return None
        first, last = self.steps
        return [self.multiple(step) for step in range(first, last + 1)] if last - first < COUNTABLE else None

    def multiple(self, step: int) -> float:
        """Return `step * q`, rounded so that 3 * 0.1 gives 0.3 exactly."""
        assert self.q is not None, "only quniform has steps"
        return _rounded(step * self.q)

    def sample(self, key: str, index: int) -> float:
        """Return the value of sample `index` of the axis `key`; equal arguments give equal values."""
        stream = _stream(key, str(self), index)
        if self.kind == "loguniform":
            return math.exp(stream.uniform(math.log(self.low), math.log(self.high)))
        if self.kind == "quniform":
            return self.multiple(stream.randint(*self.steps))
        if self.kind == "randint":
            return stream.randrange(int(self.low), int(self.high))
        return stream.uniform(self.low, self.high)


Random = Choice | Range
Axis = Grid | Choice | Range


def grid(*values: Any) -> Grid:
    """Return an axis that takes every value: grid(2, 4, 8), or grid([2, 4, 8])."""
    return Grid(listed(values))


def choice(*values: Any) -> Choice:
    """Return an axis that draws one of the values, all equally likely: choice(2, 4, 8), or choice([2, 4, 8])."""
    return Choice(listed(values))


def uniform(low: float, high: float) -> Range:
    """Return an axis that draws a number between `low` and `high`."""
    return Range("uniform", low, high)


def loguniform(low: float, high: float) -> Range:
    """Return an axis that draws a number whose logarithm is uniform between those of `low` (above 0) and `high`."""
    return Range("loguniform", low, high)


def quniform(low: float, high: float, q: float) -> Range:
    """Return an axis that draws a multiple of `q` between `low` and `high`."""
    return Range("quniform", low, high, q)


def randint(low: int, high: int) -> Range:
    """Return an axis that draws a whole number from `low` to `high` - 1."""
    return Range("randint", low, high)


def as_axis(key: str, value: Any) -> Axis:
    """Return `value`, our own axis or Ray Tune's, as an axis. Raise SpaceError, naming `key`, if it is neither."""
    if isinstance(value, Axis):
        return value
    if isinstance(value, dict) and set(value) == {"grid_search"} and isinstance(value["grid_search"], list | tuple):
        return grid(*value["grid_search"])
    if type(value).__module__ == "ray.tune.search.sample":
        return _from_ray(key, value)
    raise SpaceError(f"axes[{key!r}]: must be grid(...), choice(...) or another axis, got {value!r}")


def is_axis(value: Any) -> bool:
    """Return whether `value` is an axis rather than a plain setting."""
    try:
        as_axis("", value)
    except SpaceError:
        return False
    return True


def axis_as_list(axis: Axis) -> list[Any]:
    """Return an axis as a JSON list: its kind, then its arguments."""
    if isinstance(axis, Range):
        return [axis.kind, *(n for n in (axis.low, axis.high, axis.q) if n is not None)]
    return ["grid" if isinstance(axis, Grid) else "choice", *axis.values]


def axis_from_list(raw: list[Any]) -> Axis:
    """Return the axis that `axis_as_list` wrote."""
    kind, *arguments = raw
    plain: dict[str, type[Grid] | type[Choice]] = {"grid": Grid, "choice": Choice}
    return plain[kind](tuple(arguments)) if kind in plain else Range(kind, *arguments)


def _rounded(number: float) -> float:
    """Return `number` without the rounding error of a product or quotient."""
    return float(f"{number:.12g}")


def _from_ray(key: str, domain: Any) -> Random:
    kind, sampler = type(domain).__name__, domain.get_sampler()
    name = type(sampler).__name__.strip("_")
    if kind == "Categorical":
        return choice(*domain.categories)
    if kind == "Integer" and name == "Uniform":
        return randint(domain.lower, domain.upper)
    if kind == "Float" and name == "Uniform":
        return uniform(domain.lower, domain.upper)
    if kind == "Float" and name == "LogUniform":
        return loguniform(domain.lower, domain.upper)
    if kind == "Float" and name == "Quantized" and type(sampler.sampler).__name__.strip("_") == "Uniform":
        return quniform(domain.lower, domain.upper, sampler.q)
    raise SpaceError(
        f"axes[{key!r}]: Ray's {kind} with {name} sampling is not supported; "
        "use grid, choice, uniform, loguniform, quniform or randint"
    )


def _stream(key: str, label: str, index: int) -> random.Random:
    return random.Random(hashlib.sha256(f"{key}/{label}/{index}".encode()).digest())
