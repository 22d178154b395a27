"""From points to trials: which trials are needed, and which points each of them scores.

Points that differ only in decoding or epochs share one trial: decoding does not change the weights, and under a
constant learning rate the 5-epoch model is the 20-epoch trial at epoch 5. Ids are hashes of canonical settings, so
neither the order of a grid nor the name of a run changes them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from model.config import DecodeConfig, TrainConfig
from model.data_settings import DataSettings
from model.settings import Scalar
from sweep.errors import SpaceError
from sweep.planning.flat import from_flat, to_flat

# The settings that a baseline depends on, but for those of the user's own data, and those of them that are not in the
# ids of baselines while they are None.
UNTRAINED = ("task", "data", "base", "revision", "seed", "truncate")
ADDED = {"truncate"}
BASELINE = (*UNTRAINED, "data_settings")  # the fields of TrainConfig that a baseline has
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
ID_LENGTH = 12  # hexadecimal digits: 48 bits, so one collision is expected among 20 million points


def is_scoring(key: str) -> bool:
    """Return whether a setting decides how a trained model is scored, not how it is trained."""
    return key.startswith(DecodeConfig.prefix) or key == "keep_best_epoch"


def stable_id(value: Any) -> str:
    """Return a short hash of a JSON-able value; equal values have equal hashes on every platform."""
    return hashlib.sha256(CANONICAL.encode(value).encode()).hexdigest()[:ID_LENGTH]


@dataclass(frozen=True)
class Point:
    """One fully resolved configuration: one row of the leaderboard."""

    train: TrainConfig
    decode: DecodeConfig | None  # None if the task generates no text
    variant: str | None = field(default=None, compare=False)  # name of its variant of the space; a mere label

    @cached_property
    def settings(self) -> dict[str, Scalar]:
        """Return the canonical form: every setting that is on, by dotted key."""
        return {**to_flat(self.train), **(to_flat(self.decode) if self.decode else {})}

    @cached_property
    def columns(self) -> dict[str, Scalar]:
        """Return the canonical form plus the defaults of the optimizer and the PEFT method, by dotted key."""
        groups = filter(None, (self.train.optimizer_values, self.train.peft_values))
        return {**self.settings, **{key: value for group in groups for key, value in to_flat(group).items()}}

    @cached_property
    def point_id(self) -> str:
        return stable_id(self.settings)

    @cached_property
    def trial_id(self) -> str:
        """Return the hash of the settings that decide the weights.

        These are all training settings but the number of epochs, and which of them is scored. A baseline (0 epochs)
        depends only on the settings in UNTRAINED.
        """
        settings = {key: value for key, value in to_flat(self.train).items() if not is_scoring(key)}
        epochs = settings.pop("epochs")
        untrained = {key: settings.get(key) for key in UNTRAINED if key in settings or key not in ADDED}
        untrained |= {key: value for key, value in settings.items() if key.startswith(DataSettings.prefix)}
        return stable_id(settings if epochs else {"untrained": untrained})

    @property
    def epochs(self) -> int:
        return self.train.epochs

    def with_offset(self, seeds: int) -> "Point":
        """Return this point with its seed raised by `seeds`."""
        return replace(self, train=replace(self.train, seed=self.train.seed + seeds))

    @cached_property
    def baseline(self) -> "Point":
        """Return the baseline of this point: the un-tuned base with the same decoding and seed."""
        return _make_baseline(self.decode, *(getattr(self.train, key) for key in BASELINE))

    def __hash__(self) -> int:
        return hash(self.point_id)  # cached; hashing all fields would be repeated at every look-up


@lru_cache(maxsize=4096)  # thousands of points share a baseline
def _make_baseline(decode: DecodeConfig | None, *kept: Any) -> Point:
    return Point(TrainConfig(**dict(zip(BASELINE, kept, strict=True)), epochs=0), decode)


@dataclass(frozen=True)
class Trial:
    """One training run, shared by all points with the same training settings and seed."""

    points: tuple[Point, ...]  # at least one; all have the same trial_id

    @property
    def trial_id(self) -> str:
        return self.points[0].trial_id

    @property
    def epochs(self) -> int:
        """Return the number of epochs to train: the largest of its points."""
        return max(point.epochs for point in self.points)

    @property
    def config(self) -> TrainConfig:
        return replace(self.points[0].train, epochs=self.epochs)

    @property
    def keeps_best(self) -> bool:
        """Return whether a point is scored with the weights of its best epoch."""
        return any(point.train.keep_best_epoch for point in self.points)

    @property
    def is_baseline(self) -> bool:
        """Return whether the trial only scores the un-tuned base."""
        return self.epochs == 0


def group(points: Iterable[Point]) -> tuple[Trial, ...]:
    """Group points into trials, in the order of each trial's first point."""
    shared: dict[str, list[Point]] = {}
    for point in points:
        shared.setdefault(point.trial_id, []).append(point)
    return tuple(Trial(tuple(members)) for members in shared.values())


@dataclass(frozen=True)
class Plan:
    """The points of a run in file order, seed by seed, and the baselines that they are compared with."""

    points: tuple[Point, ...]

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Return the trials that score the points, without those of the baselines."""
        return group(self.points)

    @cached_property
    def baselines(self) -> tuple[Point, ...]:
        """Return one baseline for each combination of task, base, seed and decoding that the points use."""
        return tuple(dict.fromkeys(point.baseline for point in self.points))

    @property
    def plan_id(self) -> str:
        return stable_id(sorted(point.point_id for point in self.points))

    @property
    def epochs(self) -> int:
        """Return the total number of epochs of all trials."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def epochs_unshared(self) -> int:
        """Return the total number of epochs if every point had a trial of its own."""
        return sum(point.epochs for point in self.points)


def make_plan(points: Sequence[Point], seeds: int) -> Plan:
    """Return a plan with each point repeated for `seeds` seeds, starting at the point's own seed.

    All points get the same offsets, so they can be compared seed by seed. Raise SpaceError if the added seeds overlap
    with an axis of seeds in the space.
    """
    planned = [point.with_offset(offset) for offset in range(seeds) for point in points]
    if len(set(planned)) < len(planned):
        raise SpaceError(f"seed: the space's own seeds overlap with the {seeds} of --seeds; use one of the two")
    return Plan(tuple(planned))


def point_from(settings: Mapping[str, Scalar], variant: str | None = None) -> Point:
    """Return the point that has `settings` as its canonical form."""
    return Point(*from_flat(settings), variant)
