"""Estimate the time, memory and disk space of a run from comparable earlier runs or from one measured epoch."""

import heapq
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.tasks import find_data
from sweep.forecast.known import MEASURED, Bulk, Known
from sweep.forecast.measure import Measured
from sweep.forecast.past import DecodeCost, Family, TrainCost, family, read_past
from sweep.forecast.sizes import Sizes, sizes
from sweep.planning.plan import Plan, Point, Trial, group
from sweep.planning.provenance import Provenance
from sweep.reporting.numbers import duration, size
from sweep.store.run_folder import existing

SAMPLE_COPIES = 3  # every sample is stored in the ledger, in samples.parquet and in a checkpoint
UNKNOWN = "unknown: run with --measure"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The cost of what is left to compute. If `share` is below 1, seconds and memory omit the unknown trials."""

    trials: int  # to run, baselines included
    share: float  # of these trials whose cost is known
    source: str | None  # "earlier runs", "measured" (also if it only fills gaps in earlier runs), or None
    runs: int  # number of earlier runs that were used
    concurrency: int  # parallel trials
    train_seconds: float  # of all trials together
    decode_seconds: float  # of all trials together
    wall_seconds: float  # from the start of the command to its end
    keep: str  # which checkpoints to keep
    kept_bytes: int  # disk space when the run is done
    disk_bytes: int  # peak disk space during the run
    free_bytes: int  # free disk space now
    peak_memory_bytes: int | None  # of the largest trials that may run in parallel; GPU memory if they use a GPU


@dataclass(frozen=True, kw_only=True)
class _Cost:
    """The cost of one trial."""

    train_seconds: float
    decode_seconds: float
    clock_seconds: float
    peak_memory_bytes: int
    sample_bytes: int
    runs: frozenset[str]  # names of the runs that it comes from


def estimate(
    plan: Plan,
    provenance: Provenance,
    out: Path,
    *,
    concurrency: int,
    keep: str,
    measured: Measured | None,
    cached: Collection[str],
) -> Estimate:
    """Estimate the cost of `plan` with `concurrency` parallel trials; points with an id in `cached` cost nothing.

    `keep` is best+last, last, none or all. Earlier runs are those under `out`.
    """
    trials = _open_trials(plan, cached)
    sized = {trial.trial_id: _sizes(trial, provenance) for trial in trials}
    known = Known(
        past=read_past(out, plan, provenance),
        measured=measured,
        provenance=provenance,
        bulks=_bulks(plan, provenance),
    )
    costs = [cost for trial in trials if (cost := _cost(trial, known)) is not None]
    names = {name for cost in costs for name in cost.runs}
    samples = SAMPLE_COPIES * sum(cost.sample_bytes for cost in costs)
    kept = samples + sum(_copies(trial, keep) * sized[trial.trial_id].final_bytes for trial in trials)
    return Estimate(
        trials=len(trials),
        share=len(costs) / len(trials) if trials else 1.0,
        source="measured" if MEASURED in names else "earlier runs" if names else None,
        runs=len(names - {MEASURED}),
        concurrency=concurrency,
        train_seconds=sum(cost.train_seconds for cost in costs),
        decode_seconds=sum(cost.decode_seconds for cost in costs),
        wall_seconds=_wall((cost.clock_seconds for cost in costs), concurrency) + known.start_seconds() * bool(costs),
        keep=keep,
        kept_bytes=kept,
        disk_bytes=kept + _transient(trials, sized, concurrency, keep),
        free_bytes=shutil.disk_usage(existing(out)).free,
        peak_memory_bytes=sum(sorted(cost.peak_memory_bytes for cost in costs)[-concurrency:]) if costs else None,
    )


def heaviest(plan: Plan, provenance: Provenance, cached: Collection[str]) -> Point | None:
    """Return a point of the trial that, by its shapes, needs the most memory; None if every point is cached."""
    trials = _open_trials(plan, cached)

    def weight(trial: Trial) -> tuple[int, int]:
        train, size = trial.config, _sizes(trial, provenance)
        passes = train.smart.passes if train.smart else 1
        return size.total_params * train.batch_size * passes * bool(trial.epochs), size.resumable_bytes

    return max(trials, key=weight).points[0] if trials else None


def lines(estimate: Estimate) -> list[str]:
    """Return the lines to print: time, disk and memory."""
    if not estimate.trials:
        return ["time       none: every point is already computed"]
    disk = f"about {size(estimate.kept_bytes)} kept (--keep {estimate.keep}), at most {size(estimate.disk_bytes)}"
    if estimate.disk_bytes > estimate.free_bytes:
        disk += f", MORE than the {size(estimate.free_bytes)} of free space"
    if estimate.peak_memory_bytes is None:
        return [f"time       {UNKNOWN}", f"disk       {disk}", f"memory     {UNKNOWN}"]
    about = "about" if estimate.share == 1 else "at least"
    at_a_time = f"{estimate.concurrency} trial{'s' if estimate.concurrency != 1 else ''} at a time"
    return [
        f"time       {about} {duration(estimate.wall_seconds)} with {at_a_time} ({_origin(estimate)})",
        f"disk       {disk}",
        f"memory     {about} {size(estimate.peak_memory_bytes)} with {at_a_time}",
    ]


def _origin(estimate: Estimate) -> str:
    runs = f"{estimate.runs} earlier run{'s' if estimate.runs != 1 else ''}"
    named = {"measured": ["one measured epoch"], "earlier runs": []}[estimate.source or "earlier runs"]
    text = "from " + " and ".join(([runs] if estimate.runs else []) + named)
    return text if estimate.share == 1 else f"{text}; {1 - estimate.share:.0%} of the trials {UNKNOWN}"


def _open_trials(plan: Plan, cached: Collection[str]) -> tuple[Trial, ...]:
    points = dict.fromkeys((*plan.baselines, *plan.points))
    return group(point for point in points if point.point_id not in cached)


def _sizes(trial: Trial, provenance: Provenance) -> Sizes:
    return sizes(trial.config, provenance.base(trial.points[0]).revision)


def _bulks(plan: Plan, provenance: Provenance) -> dict[Family, Bulk]:
    found: dict[Family, Bulk] = {}
    for point in plan.points:
        if (kin := family(point, provenance)) not in found:
            params = sizes(point.train, provenance.base(point).revision).total_params
            found[kin] = Bulk(
                examples=find_data(point.train.task, point.train.data, point.train.data_settings).size("train"),
                params=params,
            )
    return found


def _cost(trial: Trial, known: Known) -> _Cost | None:
    """Return the cost of `trial`, or None if its training or one of its scorings is unknown."""
    kin = family(trial.points[0], known.provenance)
    found = [known.decode_cost(point.decode, trial.config.precision, kin) for point in trial.points]
    decode_costs = [decode_cost for decode_cost in found if decode_cost is not None]
    train_cost = known.train_cost(trial.config, kin)
    if len(decode_costs) < len(trial.points) or (trial.epochs and train_cost is None):
        return None
    parts: list[DecodeCost | TrainCost] = (
        [*decode_costs, train_cost] if trial.epochs and train_cost else [*decode_costs]
    )
    decode_seconds = sum(decode_cost.seconds for decode_cost in decode_costs)
    return _Cost(
        train_seconds=trial.epochs * train_cost.train_seconds if train_cost else 0.0,
        decode_seconds=decode_seconds,
        clock_seconds=decode_seconds + (trial.epochs * train_cost.epoch_seconds if train_cost else 0.0),
        peak_memory_bytes=max(part.peak_memory_bytes for part in parts),
        sample_bytes=sum(decode_cost.sample_bytes for decode_cost in decode_costs),
        runs=frozenset().union(*(part.runs for part in parts)),
    )


def _wall(seconds: Iterable[float], concurrency: int) -> float:
    """Return when the last trial ends, if each trial in turn goes to the first free worker."""
    busy = [0.0] * concurrency
    for one in seconds:
        heapq.heapreplace(busy, busy[0] + one)
    return max(busy)


def _copies(trial: Trial, keep: str) -> int:
    """Return how many checkpoints a finished trial keeps; a baseline keeps none."""
    copies = {"none": 0, "last": 1, "best+last": min(2, trial.epochs), "all": trial.epochs}
    return copies[keep] if trial.epochs else 0


def _transient(trials: Sequence[Trial], sized: dict[str, Sizes], concurrency: int, keep: str) -> int:
    """Return the bytes of the resumable checkpoints that the running trials keep: the newest ones and the best."""
    from model.checkpoint import KEPT

    largest = sorted(sized[trial.trial_id].resumable_bytes for trial in trials if trial.epochs)[-concurrency:]
    keeps_best = keep == "best+last" or any(trial.keeps_best for trial in trials)
    return (KEPT + keeps_best) * sum(largest)
