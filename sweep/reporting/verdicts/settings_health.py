"""Health checks of settings and their scores."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import setting_text
from sweep.reporting.verdicts.check import Check, Level, agreement_of
from sweep.reporting.verdicts.groups import Group, matrix
from sweep.reporting.verdicts.sentence import number
from sweep.reporting.verdicts.standings import Standings
from sweep.reporting.verdicts.study import Study
from sweep.statistics.errors import StatisticsError
from sweep.statistics.paired import outlier, paired_effect

EDGE_LEVEL = 0.005  # p at which the best value of an axis counts as better than its neighbour
LEAST_FOR_TOP = 8  # settings, below which the place of one by another score says little
IDLE_LEVEL = 0.5  # p above which the best and the worst value of an axis count as equal


def missing_seeds(groups: Sequence[Group]) -> Check:
    counts = [group.summary(group.first["metric"]).n for group in groups]
    if len(set(counts)) == 1:
        return Check("all configurations have the same seeds", Level.OK)
    is_open = any(row["status"].is_open for group in groups for row in group.rows)
    return Check(
        "seeds",
        Level.NOTE,
        f"configurations have between {min(counts)} and {max(counts)} seeds with a score, and comparisons use common "
        f"seeds{': resume the run' if is_open else ''}",
    )


def baseline(found: Standings) -> Check:
    best = found.best
    base = best.group.baseline(found.metric) if best else {}
    if best is None or not base:
        return Check("the best configuration beats the baseline", Level.UNKNOWN)
    gain = (best.summary.mean or 0.0) - float(np.mean(list(base.values())))
    if gain * (1 if larger_is_better(found.metric) else -1) > 0:
        return Check("the best configuration beats the baseline", Level.OK)
    return Check(
        "baseline",
        Level.PROBLEM,
        f"no configuration beats the baseline in {found.metric}: train longer, or with another learning rate",
    )


def noise(found: Standings) -> Check:
    name = "configurations differ by more than noise"
    if found.luck is None or len(found.settings) < 3:
        return Check(name, Level.UNKNOWN)
    if found.luck.more_than_luck():
        return Check(name, Level.OK)
    sds = [one.summary.sd for one in found.settings if one.summary.sd is not None]
    means = [one.summary.mean for one in found.settings if one.summary.mean is not None]
    noise = float(np.sqrt(np.mean(np.square(sds))))
    draws = any(key.startswith("decode.") for key in found.settings[0].group.settings)
    repeats = found.settings[0].group.settings.get("decode.repeats")
    remedy = "add seeds, or score several draws with --set decode.repeats=8" if draws and not repeats else "add seeds"
    return Check(
        name,
        Level.NOTE,
        f"the best {found.metric} may be luck: the sd over seeds is {number(noise)}, that of the configurations' means "
        f"{number(float(np.std(means, ddof=1)))}; {remedy}",
    )


def edges(groups: Sequence[Group], keys: Sequence[str], metric: str) -> Iterator[Check]:
    """Yield, for each numeric axis, whether its best value lies at an end and clearly beats the value beside it."""
    found = False
    for key in keys:
        means = _level_means(groups, key, metric)
        if len(means) < 3 or not all(isinstance(value, int | float) for value in means):
            continue
        values = sorted(means)
        totals = {value: float(np.mean(list(means[value].values()))) for value in values}
        best = max(values, key=totals.__getitem__)
        if best not in (values[0], values[-1]):
            continue
        beside = values[1] if best == values[0] else values[-2]
        seeds = sorted(means[best].keys() & means[beside].keys())
        d = [means[best][seed] - means[beside][seed] for seed in seeds]
        found = True
        beyond, extreme = ("smaller", "smallest") if best == values[0] else ("larger", "largest")
        if len(d) >= 2 and float(paired_effect(d).p) / 2 <= EDGE_LEVEL:
            yield Check(
                "edge",
                Level.PROBLEM,
                f"the best {key} is {setting_text(best)}, the end of its axis: try {beyond} values",
            )
        else:
            yield Check(
                "edge",
                Level.NOTE,
                f"the best {key}, {setting_text(best)}, is the {extreme} one tried, though {setting_text(beside)} is "
                f"not clearly worse: {beyond} values may be better",
            )
    if not found:
        yield Check("no optimum at the end of an axis", Level.OK)


def idle_axes(groups: Sequence[Group], keys: Sequence[str], metric: str) -> Iterator[Check]:
    """Yield a note for each axis whose values differ by no more than noise, as far as three seeds or more can tell."""
    for key in keys:
        means = _level_means(groups, key, metric)
        totals = {value: float(np.mean(list(by_seed.values()))) for value, by_seed in means.items()}
        if len(means) < 2:
            continue
        best, worst = max(totals, key=totals.__getitem__), min(totals, key=totals.__getitem__)
        seeds = means[best].keys() & means[worst].keys()
        d = [means[best][seed] - means[worst][seed] for seed in sorted(seeds)]
        if len(d) >= 3 and float(paired_effect(d).p) > IDLE_LEVEL:
            yield Check(
                "axis",
                Level.NOTE,
                f"{key} has no visible effect on {metric} (its best and worst values differ by "
                f"{number(totals[best] - totals[worst])}): fix it to save trials",
            )


def _level_means(groups: Sequence[Group], key: str, metric: str) -> dict[Any, dict[int, float]]:
    """Return, by value of `key` and seed, the mean over settings; larger is better."""
    sign = 1.0 if larger_is_better(metric) else -1.0
    collected: dict[Any, dict[int, list[float]]] = {}
    for group in groups:
        for seed, score in group.scores(metric).items():
            if not np.isnan(score):
                collected.setdefault(group.settings.get(key), {}).setdefault(seed, []).append(sign * score)
    return {value: {seed: float(np.mean(s)) for seed, s in by_seed.items()} for value, by_seed in collected.items()}


def duplicates(study: Study, groups: Sequence[Group], metric: str) -> Check:
    """Find settings with the same scores for every seed: what differs between them has no effect."""
    seen: dict[tuple[Any, ...], Group] = {}
    for group in groups:
        by_seed = group.scores(metric)
        if not by_seed or np.isnan(list(by_seed.values())).any():
            continue
        scores = tuple((name, *sorted(group.scores(name).items())) for name in (metric, "dev_loss"))
        if (other := seen.setdefault(scores, group)) is not group:
            return Check(
                "duplicates",
                Level.PROBLEM,
                f"{study.name_of(other)} and {study.name_of(group)} have the same scores with every seed: what differs "
                "between them has no effect; remove one",
            )
    return Check("no two configurations have equal results", Level.OK)


def disagreement(groups: Sequence[Group], metric: str) -> Check:
    name = f"{metric} and dev_loss agree"
    if metric == "dev_loss":
        return Check(name, Level.UNKNOWN)
    means = [(group.summary(metric).mean, group.summary("dev_loss").mean) for group in groups]
    known = [(a, b) for a, b in means if a is not None and b is not None]
    found = agreement_of([(-a if larger_is_better(metric) else a, b) for a, b in known])
    if found is None:
        return Check(name, Level.UNKNOWN)
    if found.high is None or found.high >= 0:
        return _agreement_at_the_top(name, known, metric)
    return Check(
        name,
        Level.NOTE,
        f"configurations with a better dev_loss have a worse {metric} (Kendall's tau {found.tau:.2f}): decide which "
        "of them you want, and rank by it with --metric",
    )


def _agreement_at_the_top(name: str, known: Sequence[tuple[float, float]], metric: str) -> Check:
    """Say whether the best setting by `metric` is among the last quarter by dev loss, though the two agree on most."""
    sign = 1 if larger_is_better(metric) else -1
    _, loss = max(known, key=lambda pair: sign * pair[0])
    place = 1 + sum(other < loss for _, other in known)
    if len(known) < LEAST_FOR_TOP or place <= 0.75 * len(known):
        return Check(name, Level.OK)
    return Check(
        name,
        Level.NOTE,
        f"the best {metric} is only in place {place} of {len(known)} by dev_loss: look at its learning curve and texts",
    )


def unusual_seed(found: Standings) -> Check:
    name = "no unusual seed"
    scored = [one for one in found.settings if one.rank is not None]
    if len(scored) < 2:
        return Check(name, Level.UNKNOWN)
    scores: NDArray[np.float64] = matrix([one.group.scores(found.metric) for one in scored[:2]], found.metric)
    d = (scores[0] - scores[1])[~np.isnan(scores).any(axis=0)]
    try:
        place = outlier(d)
    except StatisticsError:
        return Check(name, Level.UNKNOWN)
    if place is None:
        return Check(name, Level.OK)
    return Check(
        name,
        Level.NOTE,
        f"between the two best configurations, one seed's difference of {number(float(d[place]))} is unusual: "
        "intervals are unreliable; look at `sweep report --rows`",
    )
