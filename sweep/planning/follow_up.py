"""What a run that follows another one does: settle a comparison, or confirm the best settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model.settings import Scalar
from sweep.planning.plan import Point, point_from

Settings = Mapping[str, Scalar]  # canonical settings without the seed


@dataclass(frozen=True, kw_only=True)
class SettleConfig:
    """A comparison of two settings to which paired seeds are added until it is decided."""

    run: str  # name of the run that the settings come from
    names: tuple[str, str]  # of the two sides
    settings: tuple[Settings, Settings]
    variants: tuple[str | None, str | None] = (None, None)  # names of the settings' variants
    metric: str  # a metric of the task, or dev_loss
    larger_is_better: bool
    first_seed: int  # the seeds are first_seed, first_seed + 1, ...
    max_seeds: int = 14
    alpha: float = 0.05  # probability of a false decision
    margin: float | None = None  # in the metric's unit; within it the settings count as equal

    def points(self, place: int) -> tuple[Point, Point]:
        """Return the two points of seed number `place`, counted from 0."""
        seed = self.first_seed + place
        named = zip(self.settings, self.variants, strict=True)
        one, other = (point_from({**settings, "seed": seed}, variant) for settings, variant in named)
        return one, other

    def as_dict(self) -> dict[str, Any]:
        fields = asdict(self)
        return fields if any(self.variants) else {key: value for key, value in fields.items() if key != "variants"}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "SettleConfig":
        pairs = {name: tuple(raw[name]) for name in ("names", "settings", "variants") if name in raw}
        return cls(**{**raw, **pairs})


@dataclass(frozen=True, kw_only=True)
class ConfirmConfig:
    """The best settings of a run, trained with fresh seeds and scored on the dev and the test split."""

    run: str  # name of the run that chose them
    metric: str
    scores: Mapping[str, float]  # by setting: the mean score with which it was chosen
    predicted: Mapping[str, float]  # by setting: the score to expect on fresh seeds
    earlier: int  # confirmations of the run before this one
    is_complete: bool = True  # whether a prediction could be made; without, `predicted` equals `scores`

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "ConfirmConfig":
        return cls(**raw)
