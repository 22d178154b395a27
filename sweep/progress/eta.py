"""Estimate the time that a run still takes from the pace of its own trials."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from model.config import TrainConfig
from sweep.planning.plan import Trial
from sweep.store.state import RunState


@dataclass(frozen=True)
class Pace:
    """Seconds per epoch for each kind of trial that has finished an epoch."""

    measured: Mapping[tuple[Any, ...], float]
    per_pass: float  # seconds per epoch and forward pass of a step, for kinds without a measurement

    def seconds_per_epoch(self, config: TrainConfig) -> float:
        return self.measured.get(kind(config), self.per_pass * passes(config))


def pace(trials: Iterable[Trial], state: RunState) -> Pace | None:
    """Return the pace of the trials that have finished an epoch; None if none has."""
    found: dict[tuple[Any, ...], list[float]] = {}
    per_pass: list[float] = []
    for trial in trials:
        done = state.trial(trial.trial_id)
        if done.known_epoch and done.seconds > 0:
            seconds = done.seconds / done.known_epoch
            found.setdefault(kind(trial.config), []).append(seconds)
            per_pass.append(seconds / passes(trial.config))
    if not per_pass:
        return None
    return Pace({key: median(seconds) for key, seconds in found.items()}, median(per_pass))


def seconds_left(epochs_left: Sequence[tuple[TrainConfig, int]], known: Pace, workers: int) -> float:
    """Return the seconds until `workers` workers have trained every configuration for its number of epochs."""
    seconds = [epochs * known.seconds_per_epoch(config) for config, epochs in epochs_left]
    return max(sum(seconds) / workers, *seconds) if seconds else 0.0


def passes(config: TrainConfig) -> int:
    """Return the number of forward passes in an optimizer step; SMART adds some."""
    return config.smart.passes if config.smart else 1


def kind(config: TrainConfig) -> tuple[Any, ...]:
    """Return what decides the time of an epoch: trials of one kind take about as long."""
    return (
        config.task,
        config.data,
        config.base,
        config.optimizer,
        config.batch_size,
        config.freeze,
        config.lora is not None,
        passes(config),
    )
