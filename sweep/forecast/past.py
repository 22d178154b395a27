"""Read the costs of training and scoring in earlier runs. Runs that cannot be read are skipped."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from model.config import DecodeConfig, TrainConfig
from sweep.errors import UsageError
from sweep.planning.plan import Plan, Point, Trial, group
from sweep.planning.provenance import Provenance
from sweep.store.events import Score
from sweep.store.run_folder import RunFolder, list_runs
from sweep.store.state import RunState, TrialState, load_state
from sweep.store.status import Status


@dataclass(frozen=True)
class Family:
    """What comparable trials have in common besides device and threads: base, task and data."""

    base: str  # SHA-256
    task: str
    data: str  # SHA-256


@dataclass(frozen=True, kw_only=True)
class TrainCost:
    """The cost of an epoch of one trial."""

    runs: frozenset[str]  # names of the runs that it comes from
    family: Family
    config: TrainConfig
    epoch_seconds: float  # wall-clock time: training, dev loss, checkpoint, and a share of loading
    train_seconds: float  # the part of epoch_seconds spent on training
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class DecodeCost:
    """The cost of scoring one point."""

    runs: frozenset[str]  # names of the runs that it comes from
    family: Family
    decode: DecodeConfig | None
    precision: str | None
    seconds: float
    sample_bytes: int  # size of its samples as JSON
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Past:
    """The costs found in all comparable earlier runs."""

    train_costs: tuple[TrainCost, ...]
    decode_costs: tuple[DecodeCost, ...]
    starts: tuple[float, ...]  # seconds from the start of a session to its first trial


def family(point: Point, provenance: Provenance) -> Family:
    """Return the family of `point`: the hashes and names that comparable trials have in common."""
    return Family(provenance.base(point).sha256, point.train.task, provenance.dataset(point).sha256)


def read_past(out: Path, plan: Plan, provenance: Provenance) -> Past:
    """Read every run under `out` with the same device and threads that has a family in common with `plan`."""
    wanted = {family(point, provenance) for point in plan.points}
    train_costs: list[TrainCost] = []
    decode_costs: list[DecodeCost] = []
    starts: list[float] = []
    for folder in list_runs(out):
        try:
            if not _is_comparable(folder, provenance, wanted):
                continue
            state = load_state(folder)
            train_costs += _train_costs(folder, state)
            decode_costs += _decode_costs(folder, state)
            starts += _start(state)
        except (UsageError, LookupError, TypeError, ValueError):  # of another version, or damaged: do without it
            continue
    return Past(
        train_costs=tuple(train_cost for train_cost in train_costs if train_cost.family in wanted),
        decode_costs=tuple(decode_cost for decode_cost in decode_costs if decode_cost.family in wanted),
        starts=tuple(starts),
    )


def _is_comparable(folder: RunFolder, provenance: Provenance, wanted: set[Family]) -> bool:
    past = folder.spec.provenance
    if (past.device, past.threads) != (provenance.device, provenance.threads):
        return False
    return any(family(point, past) in wanted for point in folder.spec.plan.points)


def _train_costs(folder: RunFolder, state: RunState) -> Iterator[TrainCost]:
    spec = folder.spec
    for trial in spec.plan.trials:
        known = state.trial(trial.trial_id)
        reached = known.known_epoch
        if not reached:
            continue
        epoch = known.epochs[reached]
        train_seconds = epoch.losses.train_seconds / reached
        yield TrainCost(
            runs=frozenset({folder.name}),
            family=family(trial.points[0], spec.provenance),
            config=trial.config,
            epoch_seconds=_clock_seconds(trial, known, state, reached) or train_seconds,
            train_seconds=train_seconds,
            peak_memory_bytes=epoch.cost.peak_memory_bytes or 0,
        )


def _clock_seconds(trial: Trial, known: TrialState, state: RunState, epochs: int) -> float | None:
    """Return the wall-clock seconds of one epoch; None if the trial was interrupted, because waiting would count."""
    if known.status != Status.COMPLETED or known.attempt != 1 or not known.started_at or not known.ended_at:
        return None
    decoding = sum(score.decode_seconds for score in _scores(trial, state))
    worked = known.seconds or _seconds(known.started_at, known.ended_at)  # early ledgers only have the times
    return max(0.0, worked - decoding) / epochs


def _decode_costs(folder: RunFolder, state: RunState) -> Iterator[DecodeCost]:
    spec = folder.spec
    for trial in group(dict.fromkeys((*spec.plan.baselines, *spec.plan.points))):
        for point in trial.points:
            if (scored := state.scores.get(point.point_id)) is None:
                continue
            epoch = state.trial(trial.trial_id).epochs.get(scored.epoch)
            yield DecodeCost(
                runs=frozenset({folder.name}),
                family=family(point, spec.provenance),
                decode=point.decode,
                precision=point.train.precision,
                seconds=scored.score.decode_seconds,
                sample_bytes=len(json.dumps(scored.score.samples)),
                peak_memory_bytes=(epoch.cost.peak_memory_bytes or 0) if epoch else 0,
            )


def _scores(trial: Trial, state: RunState) -> Iterator[Score]:
    return (state.scores[p.point_id].score for p in trial.points if p.point_id in state.scores)


def _start(state: RunState) -> list[float]:
    """Return the start time of a run's only session, as a list; empty if it had several or no trial started."""
    began = [trial.started_at for trial in state.trials.values() if trial.started_at]
    if len(state.sessions) != 1 or not began:
        return []
    return [max(0.0, _seconds(state.sessions[0].time, min(began)))]


def _seconds(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
