"""The sets of comparable configurations of a run, and what a paper says of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from model.data_settings import DataSettings
from model.settings import keys_of
from sweep.paper.names import macro_word, setting_name, value_text
from sweep.paper.numbers import digits_for
from sweep.paper.source import PaperRun
from sweep.planning.plan import point_from
from sweep.reporting.leaderboard import Row, larger_is_better, metrics_of
from sweep.reporting.verdicts.groups import Group, Summary, summarize
from sweep.reporting.verdicts.standings import Standings

APART = ("task", "data", *keys_of(DataSettings), "base", "epochs")  # settings in which comparable rows agree
SHIPPED = "the shipped set"


@dataclass(frozen=True)
class Baseline:
    """The scores of the base without fine-tuning under one decoding."""

    decoding: Mapping[str, Any]  # its settings, by dotted key
    rows: Sequence[Row]  # one per seed

    def summary(self, metric: str) -> Summary:
        return summarize([row[f"base_{metric}"] for row in self.rows if row.get(f"base_{metric}") is not None])

    @property
    def points(self) -> list[str]:
        """Return the ids of its points."""
        return [baseline_id(row) for row in self.rows]


@dataclass(frozen=True)
class Block:
    """Comparable configurations of a run: same task, data, base and epochs."""

    run: PaperRun
    found: Standings
    apart: Mapping[str, Any]  # the settings that distinguish it from the run's other blocks

    @property
    def title(self) -> str:
        """Return what distinguishes the block, as LaTeX source; "" for the only one of a run."""
        return ", ".join(
            f"{setting_name(key)}: {SHIPPED if value is None and key == 'data' else value_text(value)}"
            for key, value in self.apart.items()
        )

    @property
    def word(self) -> str:
        """Return what the names of the block's macros begin with."""
        own = (
            macro_word(f"{key if key == 'epochs' else ''} {value or 'shipped'}") for key, value in self.apart.items()
        )
        return self.run.word + "".join(own)

    @property
    def metric(self) -> str:
        return self.found.metric

    @property
    def metrics(self) -> list[str]:
        """Return the scores that at least one configuration has, the ranking one first."""
        names = dict.fromkeys((self.metric, f"test_{self.metric}", *metrics_of(self.groups[0].first), "dev_loss"))
        return [name for name in names if any(group.summary(name).mean is not None for group in self.groups)]

    @cached_property
    def groups(self) -> list[Group]:
        """Return the configurations, the best first."""
        return [one.group for one in self.found.settings]

    @cached_property
    def digits(self) -> dict[str, int]:
        """Return the decimals of each score."""
        return {name: digits_for([group.summary(name) for group in self.groups]) for name in self.metrics}

    @cached_property
    def baselines(self) -> list[Baseline]:
        """Return the baselines whose scores are known, those with the best score first."""
        found: dict[str, dict[int, Row]] = {}
        decodings = {}
        for group in self.groups:
            decoding = {key: value for key, value in group.settings.items() if key.startswith("decode.")}
            for row in group.rows:
                if row.get(f"base_{self.metric}") is not None:
                    found.setdefault(repr(decoding), {}).setdefault(row["seed"], row)
                    decodings[repr(decoding)] = decoding
        every = [Baseline(decodings[key], list(rows.values())) for key, rows in found.items()]
        sign = 1 if larger_is_better(self.metric) else -1
        return sorted(every, key=lambda one: -sign * (one.summary(self.metric).mean or 0.0))


def blocks_of(run: PaperRun) -> list[Block]:
    """Return the comparable sets of a run that have a finished configuration."""
    study = run.study
    firsts = [_apart(members[0]) for members in study.sets]
    differing = [key for key in APART if len({repr(one.get(key)) for one in firsts}) > 1]
    every = [
        Block(run, study.standings(place), {key: first.get(key) for key in differing})
        for place, first in enumerate(firsts)
    ]
    return [block for block in every if block.found.best is not None]


def baseline_id(row: Row) -> str:
    """Return the id of the baseline's point that a row is compared with."""
    return point_from(json.loads(row["config_json"])).baseline.point_id


def points_of(group: Group, metric: str) -> list[str]:
    """Return the ids of a configuration's points that have a score."""
    known = group.scores(metric)
    return [row["point_id"] for row in group.rows if row["seed"] in known]


def _apart(group: Group) -> dict[str, Any]:
    return {key: group.settings.get(key) for key in APART}
