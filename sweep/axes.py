"""The kinds of axes of a space, named as in Ray Tune. Ray's own objects are read too, without importing Ray.

A `grid` axis multiplies: every value is combined with every other grid axis. The other kinds draw one value for each
sample, from a stream of their own, so that adding an axis does not change what another one draws.
"""

import hashlib
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sweep.errors import SpaceError


@dataclass(frozen=True)
class Grid:
    """Every one of `values`."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise SpaceError("a grid needs at least one value")


@dataclass(frozen=True)
class Random:
    """One value a sample. `draw` maps a generator to a value, `label` says what it does."""

    label: str
    draw: Callable[[random.Random], Any]

    def sample(self, key: str, index: int) -> Any:
        """The value of sample `index` on the axis `key`: always the same one."""
        digest = hashlib.sha256(f"{key}/{self.label}/{index}".encode()).digest()
        return self.draw(random.Random(digest))


Axis = Grid | Random


def grid(*values: Any) -> Grid:
    """Every value: grid(2, 4, 8)."""
    return Grid(values)


def choice(*values: Any) -> Random:
    """One of the values with equal chance: choice(2, 4, 8)."""
    if not values:
        raise SpaceError("a choice needs at least one value")
    return Random(f"choice{values}", lambda stream: stream.choice(values))


def uniform(low: float, high: float) -> Random:
    """A number between `low` and `high`."""
    _check_range("uniform", low, high)
    return Random(f"uniform({low}, {high})", lambda stream: stream.uniform(low, high))


def loguniform(low: float, high: float) -> Random:
    """A number between `low` and `high` whose logarithm is uniform; `low` is above 0."""
    _check_range("loguniform", low, high)
    if low <= 0:
        raise SpaceError(f"loguniform({low}, {high}): low must be above 0")
    return Random(f"loguniform({low}, {high})", lambda stream: math.exp(stream.uniform(math.log(low), math.log(high))))


def quniform(low: float, high: float, q: float) -> Random:
    """A multiple of `q` between `low` and `high`."""
    _check_range("quniform", low, high)
    if q <= 0 or math.ceil(low / q) > math.floor(high / q):
        raise SpaceError(f"quniform({low}, {high}, {q}): no multiple of q lies in the range")
    steps = (math.ceil(low / q), math.floor(high / q))
    return Random(f"quniform({low}, {high}, {q})", lambda stream: _multiple(stream.randint(*steps), q))


def randint(low: int, high: int) -> Random:
    """A whole number from `low` to `high` - 1."""
    _check_range("randint", low, high)
    return Random(f"randint({low}, {high})", lambda stream: stream.randrange(low, high))


def as_axis(key: str, value: Any) -> Axis:
    """`value` as an axis: ours, Ray Tune's, or an error that names `key`."""
    if isinstance(value, Grid | Random):
        return value
    if isinstance(value, dict) and set(value) == {"grid_search"} and isinstance(value["grid_search"], list | tuple):
        return grid(*value["grid_search"])
    if type(value).__module__ == "ray.tune.search.sample":
        return _from_ray(key, value)
    raise SpaceError(f"axes[{key!r}]: must be grid(...), choice(...) or another axis, got {value!r}")


def is_axis(value: Any) -> bool:
    """Whether `value` is an axis rather than a plain setting."""
    try:
        as_axis("", value)
    except SpaceError:
        return False
    return True


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


def _check_range(name: str, low: float, high: float) -> None:
    if not low < high:
        raise SpaceError(f"{name}({low}, {high}): low must be below high")


def _multiple(step: int, q: float) -> float:
    """step * q without the dust of binary fractions: 3 * 0.1 is 0.3."""
    return float(f"{step * q:.12g}")
