"""The known costs of training and scoring, and how they carry over to other configurations.

The cost of a trial is the median of past trials of the same family and kind; else the measured one of its family; else
the nearest past trial of its family; else the measured one of another family, scaled. The cost of scoring is found in
the same way, by decoding.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, TypeVar

from model.config import DecodeConfig, TrainConfig
from sweep.forecast.measure import Measured
from sweep.forecast.past import DecodeCost, Family, Past, TrainCost, family
from sweep.planning.plan import point_from
from sweep.planning.provenance import Provenance

MEASURED = ""  # in place of a run's name; no run has this name

T = TypeVar("T", TrainCost, DecodeCost)


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """The sizes that a family's work is proportional to, whatever the method."""

    examples: int  # of the training split
    params: int  # of the base


@dataclass(frozen=True, kw_only=True)
class Known:
    """Everything that estimates are based on."""

    past: Past
    measured: Measured | None
    provenance: Provenance
    bulks: Mapping[Family, Bulk]  # of every family of the plan

    def train_cost(self, config: TrainConfig, kin: Family) -> TrainCost | None:
        """Return the cost of an epoch of `config`, or None if nothing comparable is known."""
        work = self._load(config) * self.bulks[kin].examples * self.bulks[kin].params
        chosen = _chosen(
            self.past.train_costs,
            _train_costs(self.measured, self.provenance),
            kin,
            alike=lambda train_cost: _kind(train_cost.config) == _kind(config),
            distance=lambda train_cost: abs(math.log(self._load(config) / self._load(train_cost.config))),
        )
        if not chosen:
            return None
        ratios = [
            work
            / (
                self._load(train_cost.config)
                * self.bulks[train_cost.family].examples
                * self.bulks[train_cost.family].params
            )
            for train_cost in chosen
        ]
        return replace(
            chosen[0],
            runs=frozenset().union(*(train_cost.runs for train_cost in chosen)),
            epoch_seconds=median(
                train_cost.epoch_seconds * ratio for train_cost, ratio in zip(chosen, ratios, strict=True)
            ),
            train_seconds=median(
                train_cost.train_seconds * ratio for train_cost, ratio in zip(chosen, ratios, strict=True)
            ),
            peak_memory_bytes=max(train_cost.peak_memory_bytes for train_cost in chosen),
        )

    def decode_cost(self, decode: DecodeConfig | None, precision: str | None, kin: Family) -> DecodeCost | None:
        """Return the cost of scoring with `decode` in `precision`, or None if nothing comparable is known."""
        work = _tokens(decode) * self.bulks[kin].params
        chosen = _chosen(
            self.past.decode_costs,
            _decode_costs(self.measured, self.provenance),
            kin,
            alike=lambda decode_cost: (decode_cost.decode, decode_cost.precision) == (decode, precision),
            distance=lambda decode_cost: abs(math.log(_tokens(decode) / _tokens(decode_cost.decode))),
        )
        if not chosen:
            return None
        return replace(
            chosen[0],
            runs=frozenset().union(*(decode_cost.runs for decode_cost in chosen)),
            seconds=median(
                decode_cost.seconds * work / (_tokens(decode_cost.decode) * self.bulks[decode_cost.family].params)
                for decode_cost in chosen
            ),
            sample_bytes=max(
                decode_cost.sample_bytes * _draws(decode) // _draws(decode_cost.decode) for decode_cost in chosen
            ),
            peak_memory_bytes=max(decode_cost.peak_memory_bytes for decode_cost in chosen),
        )

    def start_seconds(self) -> float:
        """Return the seconds from the command to the first epoch; 0 if unknown."""
        if self.past.starts:
            return median(self.past.starts)
        return self.measured.start_seconds if self.measured else 0.0

    def _load(self, config: TrainConfig) -> float:
        """Return the relative work of an epoch within its family.

        On a CPU it is proportional to the number of sequences: an epoch of `tiny` takes equally long in batches of 4,
        8 or 16. On a GPU it is proportional to the number of forward passes, because at these sizes launching kernels
        takes most of the time.
        """
        passes = config.smart.passes if config.smart else 1
        return passes if self.provenance.device.startswith("cpu") else passes / config.batch_size


def _chosen(
    past: Sequence[T],
    measured: Sequence[T],
    kin: Family,
    *,
    alike: Callable[[T], bool],
    distance: Callable[[T], float],
) -> Sequence[T]:
    """Return the known costs that are most similar: see the module's docstring."""
    same = [one for one in past if one.family == kin]
    exact = [one for one in same if alike(one)]
    nearest = sorted(same, key=distance)[:1]
    return exact or [one for one in measured if one.family == kin] or nearest or measured


def _kind(config: TrainConfig) -> tuple[Any, ...]:
    """Return what decides the time of an epoch within a family."""
    methods = config.optimizer, config.smart is not None, config.peft_name, config.freeze
    return *methods, config.batch_size, config.precision


def _tokens(decode: DecodeConfig | None) -> int:
    """Return the most tokens that are generated per prompt, in all draws; 1 if the task generates no text."""
    return decode.max_new_tokens * (decode.beams or decode.generations or 1) * _draws(decode) if decode else 1


def _draws(decode: DecodeConfig | None) -> int:
    """Return how many draws of its texts are scored."""
    return (decode.repeats or 1) if decode else 1


def _train_costs(measured: Measured | None, provenance: Provenance) -> list[TrainCost]:
    """Return the measured cost of training, as a list; empty if a baseline was measured, which trains nothing."""
    if measured is None or not (point := point_from(measured.settings)).epochs:
        return []
    return [
        TrainCost(
            runs=frozenset({MEASURED}),
            family=family(point, provenance),
            config=point.train,
            epoch_seconds=measured.epoch_seconds,
            train_seconds=measured.train_seconds,
            peak_memory_bytes=measured.peak_memory_bytes,
        )
    ]


def _decode_costs(measured: Measured | None, provenance: Provenance) -> list[DecodeCost]:
    if measured is None:
        return []
    point = point_from(measured.settings)
    return [
        DecodeCost(
            runs=frozenset({MEASURED}),
            family=family(point, provenance),
            decode=point.decode,
            precision=point.train.precision,
            seconds=measured.decode_seconds,
            sample_bytes=measured.sample_bytes,
            peak_memory_bytes=measured.peak_memory_bytes,
        )
    ]
