"""The settings of a run as records: one per setting, with every figure, for JSON, CSV and the tables."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sweep.reporting.leaderboard import metrics_of
from sweep.reporting.verdicts.groups import summarize
from sweep.reporting.verdicts.standings import Standing, Standings
from sweep.reporting.verdicts.study import Study

Record = dict[str, Any]


def records(study: Study) -> list[Record]:
    """Return one record per setting, in the order of the standings.

    `<score>` is the mean over the seeds; `<score>_sd`, `_low` and `_high` are their sd and the 95 % interval of the
    mean, `base_<score>` the baseline's mean. `to_best_*` compares the setting with the best one, over common seeds.
    """
    every = [study.standings(place) for place in range(len(study.sets))]
    return [_record(found, one) for found in every for one in found.settings]


def _record(found: Standings, one: Standing) -> Record:
    row = one.group.first
    scores = dict.fromkeys((found.metric, *metrics_of(row), "dev_loss"))
    record: Record = {
        "setting_id": one.group.setting_id,
        "rank": one.rank,
        "tied": one.tied,
        **({"variant": one.group.variant} if one.group.variant else {}),
        **one.group.settings,
        **({"paper": row["paper"]} if row.get("paper") is not None else {}),
        "metric": found.metric,
        "n": one.summary.n,
        "lost": one.summary.lost,
        "unfinished": len(one.group.rows) - one.summary.n - one.summary.lost,
    }
    for name in scores:
        summary = one.group.summary(name)
        baseline = summarize(one.group.baseline(name).values())
        record |= {
            name: summary.mean,
            f"{name}_sd": summary.sd,
            f"{name}_low": summary.low,
            f"{name}_high": summary.high,
            f"base_{name}": baseline.mean,
        }
    compared = asdict(one.to_best) if one.to_best else dict.fromkeys(("n", "mean", "low", "high", "p", "adjusted"))
    return {**record, **{f"to_best_{key}": value for key, value in compared.items()}}


def columns(found: Sequence[Record]) -> list[str]:
    """Return the keys of all records, in order."""
    return list(dict.fromkeys(key for one in found for key in one))
