"""From points to trials: which trainings are needed, and which points each one serves.

Points that differ only in decoding or epochs share one trial: decoding does not change weights, and under a
constant learning rate the 5-epoch model is the 20-epoch training at epoch 5. Ids are hashes of canonical settings, so
neither the order of a grid nor the name of a run changes them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from model.config import DecodeConfig, TrainConfig
from model.settings import Scalar
from sweep.errors import SpaceError
from sweep.planning.flat import from_flat, to_flat

UNTRAINED = ("task", "data", "base", "revision", "seed")  # all that an untrained base depends on
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
ID_LENGTH = 12  # hexadecimal digits: 48 bits, one clash expected among 20 million points


def stable_id(value: Any) -> str:
    """Return a short hash of a JSON-able value, equal for equal values on every platform."""
    return hashlib.sha256(CANONICAL.encode(value).encode()).hexdigest()[:ID_LENGTH]


@dataclass(frozen=True)
class Point:
    """One fully resolved configuration: one row of the leaderboard."""

    train: TrainConfig
    decode: DecodeConfig | None  # None where the task generates no text

    @cached_property
    def settings(self) -> dict[str, Scalar]:
        """The canonical form: every setting that is on, by dotted key."""
        return {**to_flat(self.train), **(to_flat(self.decode) if self.decode else {})}

    @cached_property
    def columns(self) -> dict[str, Scalar]:
        """Every setting in force by dotted key: the canonical form, and what the optimizer and method default to."""
        groups = filter(None, (self.train.optimizer_values, self.train.peft_values))
        return {**self.settings, **{key: value for group in groups for key, value in to_flat(group).items()}}

    @cached_property
    def point_id(self) -> str:
        return stable_id(self.settings)

    @cached_property
    def trial_id(self) -> str:
        """The hash of the settings that decide the weights at any epoch: those of the training without its epochs.

        An un-tuned base does not depend on the settings of training.
        """
        settings = to_flat(self.train)
        epochs = settings.pop("epochs")
        return stable_id(settings if epochs else {"untrained": {key: settings.get(key) for key in UNTRAINED}})

    @property
    def epochs(self) -> int:
        return self.train.epochs

    @cached_property
    def baseline(self) -> "Point":
        """The un-tuned base under this point's decoding and seed."""
        return _untuned(self.decode, *(getattr(self.train, key) for key in UNTRAINED))

    def __hash__(self) -> int:
        return hash(self.point_id)  # computed once; a hash of all fields would be computed at every look-up


@lru_cache(maxsize=4096)  # thousands of points share one
def _untuned(decode: DecodeConfig | None, *kept: Any) -> Point:
    return Point(TrainConfig(**dict(zip(UNTRAINED, kept, strict=True)), epochs=0), decode)


@dataclass(frozen=True)
class Trial:
    """One training run that serves every point with its settings and seed."""

    points: tuple[Point, ...]  # at least one; all of one trial_id

    @property
    def trial_id(self) -> str:
        return self.points[0].trial_id

    @property
    def epochs(self) -> int:
        """The epochs to train: up to the last milestone."""
        return max(point.epochs for point in self.points)

    @property
    def config(self) -> TrainConfig:
        return replace(self.points[0].train, epochs=self.epochs)

    @property
    def is_baseline(self) -> bool:
        """Whether it trains nothing and only scores the base as it is."""
        return self.epochs == 0


def group(points: Iterable[Point]) -> tuple[Trial, ...]:
    """Return the trials of `points`, in the order of their first point."""
    shared: dict[str, list[Point]] = {}
    for point in points:
        shared.setdefault(point.trial_id, []).append(point)
    return tuple(Trial(tuple(members)) for members in shared.values())


@dataclass(frozen=True)
class Plan:
    """The points of a run in file order, seed after seed, and the baselines they are compared with."""

    points: tuple[Point, ...]

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """The trials of all points."""
        return group(self.points)

    @cached_property
    def baselines(self) -> tuple[Point, ...]:
        """The base as it is, once for each task, base, seed and decoding that the points use."""
        return tuple(dict.fromkeys(point.baseline for point in self.points))

    @property
    def plan_id(self) -> str:
        return stable_id(sorted(point.point_id for point in self.points))

    @property
    def epochs(self) -> int:
        """The epochs of all trials together."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def epochs_unshared(self) -> int:
        """The epochs that one training per point would take."""
        return sum(point.epochs for point in self.points)


def make_plan(points: Sequence[tuple[TrainConfig, DecodeConfig | None]], seeds: int) -> Plan:
    """Return the plan of every point under `seeds` seeds, counted from its own seed, so that differences are paired.

    Raise SpaceError if seeds of the space itself overlap with these.
    """
    planned = [
        Point(replace(train, seed=train.seed + offset), decode) for offset in range(seeds) for train, decode in points
    ]
    if len(set(planned)) < len(planned):
        raise SpaceError(f"seed: the space's own seeds overlap with the {seeds} of --seeds; use one of the two")
    return Plan(tuple(planned))


def point_from(settings: Mapping[str, Scalar]) -> Point:
    """Return the point whose canonical form is `settings`. Raise SettingError."""
    return Point(*from_flat(settings))
