"""What each factor of a run does: variances on grids, importances on drawn searches, methods added one by one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.errors import RunError
from sweep.planning.search_space import SearchSpace
from sweep.reporting.leaderboard import Row, larger_is_better, ranking_group
from sweep.reporting.settings import informative_keys
from sweep.reporting.verdicts.domains import Settings, domains, settings_and_methods
from sweep.reporting.verdicts.groups import groups_of
from sweep.reporting.verdicts.noise_lines import noise_lines
from sweep.statistics.errors import StatisticsError
from sweep.statistics.factors import LevelEffect, Table, anova, average, level_effects
from sweep.statistics.importance import Importances, importances
from sweep.statistics.tuning_curve import TuningCurve, tuning_curve


@dataclass(frozen=True, kw_only=True)
class Part:
    """The factors of training, or those of decoding."""

    title: str
    factors: tuple[str, ...]
    left_out: tuple[str, ...]  # settings that only some rows have
    table: Table | None  # None if the analysis was refused
    levels: tuple[LevelEffect, ...]
    note: str


@dataclass(frozen=True, kw_only=True)
class Effects:
    """The effects of a run's settings on one score."""

    metric: str
    seeds: int
    parts: tuple[Part, ...]  # of a grid
    noise: tuple[str, ...]  # where it comes from, in sentences
    drawn: Importances | None  # of a drawn search
    drawn_refused: str | None  # why there are no importances
    curve: TuningCurve | None  # of a random search: the best of k points, larger is better


def effects(
    rows: Sequence[Row], metric: str, *, search: str = "grid", space: SearchSpace | None = None, alpha: float = 0.05
) -> Effects:
    """Return the effects of settings on the rows of `rows` with the most epochs.

    `space` is what a search that learns sampled from.

    Raise RunError if these rows are not comparable, or nothing varies.
    """
    known = [row for row in rows if row["status"].is_complete and row.get(metric) is not None]
    if not known:
        raise RunError(f"no row has a {metric} yet")
    last = max(row["epochs_budget"] for row in known)
    known = [row for row in known if row["epochs_budget"] == last]
    if len({ranking_group(row) for row in known}) > 1:
        raise RunError("the rows differ in task, data or base, so that no effects can be measured across them")
    settings = [settings_and_methods(row) for row in known]
    seeds = len({row["seed"] for row in known})
    noise = tuple(noise_lines(groups_of(known), metric)) if seeds > 1 else ()
    if search != "grid":
        drawn, refused = _importances(known, settings, metric, space)
        curve = _curve(known, metric) if search == "random" else None
        return Effects(
            metric=metric, seeds=seeds, parts=(), noise=noise, drawn=drawn, curve=curve, drawn_refused=refused
        )
    varying = [key for key in informative_keys(settings) if key != "seed"]
    parts = [
        _part(
            known, settings, [key for key in varying if key.startswith("decode.") == decoding], metric, decoding, alpha
        )
        for decoding in (False, True)
        if any(key.startswith("decode.") == decoding for key in varying)
    ]
    if not parts:
        raise RunError("no setting varies in this run")
    return Effects(
        metric=metric, seeds=seeds, parts=tuple(parts), noise=noise, drawn=None, curve=None, drawn_refused=None
    )


def _curve(rows: Sequence[Row], metric: str) -> TuningCurve | None:
    """Return the tuning curve of independently drawn points, larger is better; None for a single point."""
    sign = 1.0 if larger_is_better(metric) else -1.0
    means = [group.summary(metric).mean for group in groups_of(rows)]
    known = [sign * mean for mean in means if mean is not None]
    return tuning_curve(known) if len(known) >= 2 else None


def _part(
    rows: Sequence[Row], settings: Sequence[Settings], keys: Sequence[str], metric: str, decoding: bool, alpha: float
) -> Part:
    """Analyse one kind of factor. Rows that share a trial are no independent evidence on training, so factors of
    training use the trials' means; factors of decoding use the rows within the trials, as blocks."""
    factors = tuple(key for key in keys if all(one.get(key) is not None for one in settings))
    values = [float(row[metric]) for row in rows]
    levels = {key: [one[key] for one in settings] for key in factors}
    seeds = [row["seed"] for row in rows]
    trials = [row["trial_id"] for row in rows]
    blocks = trials if decoding else seeds
    if not decoding:
        values, levels, blocks = average(values, trials, levels, seeds)
        seeds = blocks
    several = len(set(seeds)) > 1
    title = "decoding" if decoding else "training"
    note = "" if several else "one seed: shares only. Without a second seed, noise and effects cannot be told apart"
    left_out = tuple(key for key in keys if key not in factors)
    try:
        table = anova(values, levels, blocks, interactions=len(factors) <= 6)
    except StatisticsError as error:
        return Part(title=title, factors=factors, left_out=left_out, table=None, levels=(), note=str(error))
    references = {key: _reference(values, seen) for key, seen in levels.items()}
    confounded = _confounded(levels)
    note = "; ".join(filter(None, [note, confounded]))
    return Part(
        title=title,
        factors=factors,
        left_out=left_out,
        table=table if several else table.without_error(),
        levels=_levels(values, levels, seeds, references, alpha) if several and not confounded else (),
        note=note,
    )


def _levels(
    values: Sequence[float],
    levels: Mapping[str, Sequence[Any]],
    seeds: Sequence[Any],
    references: Mapping[str, Any],
    alpha: float,
) -> tuple[LevelEffect, ...]:
    """Return the effect of each level, setting by setting, in the order of the levels."""

    def order(one: LevelEffect) -> tuple[int, bool, Any]:
        is_text = not isinstance(one.level, int | float)
        return list(levels).index(one.factor), is_text, str(one.level) if is_text else one.level

    return tuple(sorted(level_effects(values, levels, seeds, references, alpha), key=order))


def _confounded(levels: Mapping[str, Sequence[Any]]) -> str:
    """Return a warning if not every combination of the levels was run, so that some vary together; else ""."""
    run, all_of_them = len(set(zip(*levels.values(), strict=True))), math.prod(len(set(one)) for one in levels.values())
    if run == all_of_them:
        return ""
    return (
        f"not a full grid: {run} of {all_of_them} combinations of these settings were run. Settings that vary together "
        "share their effects, so each is credited only with what no other explains, and no values are compared"
    )


def _reference(values: Sequence[float], levels: Sequence[Any]) -> Any:
    """Return the level that others are compared with: the smallest number, or the first text."""
    numbers = all(isinstance(level, int | float) for level in levels)
    return min(levels) if numbers else levels[0]


def _importances(
    rows: Sequence[Row], settings: Sequence[Settings], metric: str, space: SearchSpace | None
) -> tuple[Importances | None, str | None]:
    keys = [key for key in informative_keys(settings) if key != "seed"]
    shared = [key for key in keys if all(one.get(key) is not None for one in settings)]
    sign = -1.0 if larger_is_better(metric) else 1.0
    values = [sign * float(row[metric]) for row in rows]
    try:
        return importances(
            values, [{k: one[k] for k in shared} for one in settings], domains(settings, shared, space)
        ), None
    except StatisticsError as error:
        return None, str(error)
