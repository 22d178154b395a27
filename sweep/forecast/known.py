"""What is known of how long a training and a scoring take, and how it is carried over to others.

A training is told by trainings of its own kind; else by the one that was measured; else by the nearest of its family;
else, across families, by the measured one. A scoring likewise, by its decoding.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, TypeVar

from model.config import DecodeConfig, TrainConfig
from sweep.forecast.measure import Measured
from sweep.forecast.past import Draw, Family, Pace, Past, family
from sweep.planning.plan import point_from
from sweep.planning.provenance import Provenance

MEASURED = ""  # stands where the name of a run does; no run has it

T = TypeVar("T", Pace, Draw)


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """What a family's work grows with, whatever the method."""

    examples: int  # of the training split
    params: int  # of the base


@dataclass(frozen=True, kw_only=True)
class Known:
    """Everything that estimates can be drawn from."""

    past: Past
    measured: Measured | None
    provenance: Provenance
    bulks: Mapping[Family, Bulk]  # of every family of the plan

    def pace(self, config: TrainConfig, kin: Family) -> Pace | None:
        """What an epoch of `config` takes; None where nothing tells."""
        work = self._load(config) * self.bulks[kin].examples * self.bulks[kin].params
        chosen = _chosen(
            self.past.paces,
            _paces(self.measured, self.provenance),
            kin,
            alike=lambda pace: _kind(pace.config) == _kind(config),
            distance=lambda pace: abs(math.log(self._load(config) / self._load(pace.config))),
        )
        if not chosen:
            return None
        ratios = [
            work / (self._load(pace.config) * self.bulks[pace.family].examples * self.bulks[pace.family].params)
            for pace in chosen
        ]
        return replace(
            chosen[0],
            runs=frozenset().union(*(pace.runs for pace in chosen)),
            epoch_seconds=median(pace.epoch_seconds * ratio for pace, ratio in zip(chosen, ratios, strict=True)),
            train_seconds=median(pace.train_seconds * ratio for pace, ratio in zip(chosen, ratios, strict=True)),
            peak_memory_bytes=max(pace.peak_memory_bytes for pace in chosen),
        )

    def draw(self, decode: DecodeConfig | None, kin: Family) -> Draw | None:
        """What a scoring under `decode` takes; None where nothing tells."""
        work = _tokens(decode) * self.bulks[kin].params
        chosen = _chosen(
            self.past.draws,
            _draws(self.measured, self.provenance),
            kin,
            alike=lambda draw: draw.decode == decode,
            distance=lambda draw: abs(math.log(_tokens(decode) / _tokens(draw.decode))),
        )
        if not chosen:
            return None
        return replace(
            chosen[0],
            runs=frozenset().union(*(draw.runs for draw in chosen)),
            seconds=median(
                draw.seconds * work / (_tokens(draw.decode) * self.bulks[draw.family].params) for draw in chosen
            ),
            sample_bytes=max(draw.sample_bytes for draw in chosen),
            peak_memory_bytes=max(draw.peak_memory_bytes for draw in chosen),
        )

    def start_seconds(self) -> float:
        """From the command to the first epoch; 0 where nothing tells."""
        if self.past.starts:
            return median(self.past.starts)
        return self.measured.start_seconds if self.measured else 0.0

    def _load(self, config: TrainConfig) -> float:
        """Work of an epoch, up to what its family has in common.

        On a CPU the sequences passed forward: an epoch of `tiny` takes as long in batches of 4, 8 or 16. A GPU is at
        these sizes kept busy by starting its kernels, so there it is the forward passes.
        """
        passes = config.smart.passes if config.smart else 1
        return passes if self.provenance.device == "cpu" else passes / config.batch_size


def _chosen(
    past: Sequence[T],
    measured: Sequence[T],
    kin: Family,
    *,
    alike: Callable[[T], bool],
    distance: Callable[[T], float],
) -> Sequence[T]:
    """Of what is known, what tells most."""
    same = [one for one in past if one.family == kin]
    exact = [one for one in same if alike(one)]
    nearest = sorted(same, key=distance)[:1]
    return exact or [one for one in measured if one.family == kin] or nearest or measured


def _kind(config: TrainConfig) -> tuple[Any, ...]:
    """Trainings of one family with an equal kind take about as long."""
    return config.optimizer, config.smart is not None, config.lora is not None, config.freeze, config.batch_size


def _tokens(decode: DecodeConfig | None) -> int:
    """Tokens drawn per prompt at most: 1 where a task is scored without drawing any."""
    return decode.max_new_tokens * (decode.beams or decode.generations or 1) if decode else 1


def _paces(measured: Measured | None, provenance: Provenance) -> list[Pace]:
    """What was measured; nothing where that was an un-tuned base, which trains nothing."""
    if measured is None or not (point := point_from(measured.settings)).epochs:
        return []
    return [
        Pace(
            runs=frozenset({MEASURED}),
            family=family(point, provenance),
            config=point.train,
            epoch_seconds=measured.epoch_seconds,
            train_seconds=measured.train_seconds,
            peak_memory_bytes=measured.peak_memory_bytes,
        )
    ]


def _draws(measured: Measured | None, provenance: Provenance) -> list[Draw]:
    if measured is None:
        return []
    point = point_from(measured.settings)
    return [
        Draw(
            runs=frozenset({MEASURED}),
            family=family(point, provenance),
            decode=point.decode,
            seconds=measured.decode_seconds,
            sample_bytes=measured.sample_bytes,
            peak_memory_bytes=measured.peak_memory_bytes,
        )
    ]
