"""From points to trials: which trainings are needed, and what each is scored on.

Points that differ only in decoding or epochs share one training: decoding does not change weights, and under a
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
    """A short hash of a JSON-able value; equal for equal values on every platform."""
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
        """Hash of what decides the weights at any epoch: the training settings but their number of epochs.

        An untrained base does not depend on how it would be trained.
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
        return hash(self.point_id)  # worked out once; of all fields it would be anew for every look-up


@lru_cache(maxsize=4096)  # thousands of points share one
def _untuned(decode: DecodeConfig | None, *kept: Any) -> Point:
    return Point(TrainConfig(**dict(zip(UNTRAINED, kept, strict=True)), epochs=0), decode)


@dataclass(frozen=True)
class Trial:
    """One training that serves every point sharing its settings and seed."""

    points: tuple[Point, ...]  # at least one; all of one trial_id

    @property
    def trial_id(self) -> str:
        return self.points[0].trial_id

    @property
    def epochs(self) -> int:
        """Epochs to train: up to the last milestone."""
        return max(point.epochs for point in self.points)

    @property
    def config(self) -> TrainConfig:
        return replace(self.points[0].train, epochs=self.epochs)

    @property
    def is_baseline(self) -> bool:
        """Whether it trains nothing and only scores the base as it is."""
        return self.epochs == 0


def group(points: Iterable[Point]) -> tuple[Trial, ...]:
    """Trials in order of their first point."""
    shared: dict[str, list[Point]] = {}
    for point in points:
        shared.setdefault(point.trial_id, []).append(point)
    return tuple(Trial(tuple(members)) for members in shared.values())


@dataclass(frozen=True)
class Plan:
    """The points of a run in file order, seed after seed, and the un-tuned bases they are compared with."""

    points: tuple[Point, ...]

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """The trainings."""
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
        """Epochs that the trainings take together."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def epochs_unshared(self) -> int:
        """Epochs that one training per point would take."""
        return sum(point.epochs for point in self.points)


def make_plan(points: Sequence[tuple[TrainConfig, DecodeConfig | None]], seeds: int) -> Plan:
    """Every point under `seeds` seeds, counted from its own: paired, so point differences cancel the seed's luck.

    Raises SpaceError when the space has an axis of seeds that these run into.
    """
    planned = [
        Point(replace(train, seed=train.seed + offset), decode) for offset in range(seeds) for train, decode in points
    ]
    if len(set(planned)) < len(planned):
        raise SpaceError(f"seed: the space's own seeds overlap with the {seeds} of --seeds; use one of the two")
    return Plan(tuple(planned))


def point_from(settings: Mapping[str, Scalar]) -> Point:
    """The point whose canonical form is `settings`."""
    return Point(*from_flat(settings))
