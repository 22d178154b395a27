"""What charts are drawn from: the rows and state of a run, read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweep.charts.colours import level_text
from sweep.errors import RunError
from sweep.reporting.leaderboard import Row, metrics_of, rows
from sweep.reporting.paper_scores import with_paper
from sweep.reporting.printable import printable
from sweep.reporting.verdicts.groups import Group
from sweep.reporting.verdicts.run_effects import RunEffects, run_effects
from sweep.reporting.verdicts.standings import Standings
from sweep.reporting.verdicts.study import SET_KEYS, Study
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState, load_state


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user chose; None: the chart chooses."""

    x: str | None = None
    y: str | None = None  # a metric or loss
    by: str | None = None  # the setting that colours tell apart


@dataclass(frozen=True)
class Source:
    """A run, and the set of comparable rows to draw: by default the largest."""

    folder: RunFolder
    state: RunState
    study: Study
    place: int | None = None

    @property
    def rows(self) -> Sequence[Row]:
        return self.study.rows

    @cached_property
    def groups(self) -> list[Group]:
        """Return the configurations that are drawn. Raise RunError if the run has no row."""
        sets = self.study.sets
        if not sets:
            raise RunError(f"run {self.folder.name!r} has no rows yet")
        return sets[self.chosen]

    @property
    def chosen(self) -> int:
        """Return the number of the set that is drawn."""
        sets = self.study.sets
        return max(range(len(sets)), key=lambda place: len(sets[place])) if self.place is None else self.place

    @property
    def metric(self) -> str:
        """Return the metric that the rows are ranked by."""
        return str(self.groups[0].first["metric"])

    @cached_property
    def members(self) -> list[Row]:
        """Return the rows of the groups."""
        return [row for group in self.groups for row in group.rows]

    @property
    def axes(self) -> list[str]:
        """Return the settings that vary within the set."""
        return [
            key
            for key in self.study.varying
            if len({str(group.settings.get(key)) for group in self.groups}) > 1 and key not in SET_KEYS
        ]

    @property
    def set_name(self) -> str:
        """Return what tells the set from the others of the run, such as "data reviews"; "" for the only one."""
        return printable(self.study.set_name(self.chosen))

    def titled(self, text: str) -> str:
        """Return a title, with the name of the set if the run has several."""
        return f"{text} ({self.set_name})" if self.set_name else text

    def score(self, name: str | None) -> str:
        """Return the score `name`, by default the metric. Raise RunError if the rows have no such score."""
        known = list(dict.fromkeys((self.metric, *metrics_of(self.groups[0].first), "dev_loss", "best_dev_loss")))
        if name is not None and name not in known:
            raise RunError(f"--y {name}: unknown. Known: {', '.join(known)}")
        return name or self.metric

    def setting(self, name: str, option: str = "--by") -> str:
        """Return `name` if it is a setting that varies. Raise RunError otherwise."""
        if name not in self.axes:
            known = ", ".join(self.axes) or "none: no setting of this run varies"
            raise RunError(f"{option} {name}: not a setting that varies in this run. Known: {known}")
        return name

    def standings(self, metric: str | None = None) -> Standings:
        return self.study.standings(self.chosen, metric)

    def name_of(self, group: Group) -> str:
        """Return what distinguishes a configuration, without characters that charts cannot draw."""
        return printable(self.study.name_of(group))

    def text_of(self, group: Group, key: str) -> str:
        """Return the text of a configuration's setting."""
        return level_text(self.study.value_of(group, key))

    def label_of(self, group: Group) -> str:
        """Return a short label: the variant, and the values of the settings that `label_title` names."""
        values = [self.text_of(group, key) for key in self._label_keys]
        return " / ".join(filter(None, [printable(group.variant or ""), *values])) or "the only one"

    @property
    def label_title(self) -> str | None:
        """Return what the parts of a label are; None for variants alone."""
        return " / ".join(self._label_keys) or None

    @cached_property
    def _label_keys(self) -> list[str]:
        """Return the settings that a label needs: none if variants alone tell the configurations apart."""
        variants = [group.variant for group in self.groups]
        return [] if all(variants) and len(set(variants)) == len(variants) else self.axes

    def effects(self, metric: str | None) -> RunEffects:
        """Return the effects of settings. Raise RunError if they cannot be measured."""
        if metric not in self._effects:
            self._effects[metric] = run_effects(self.folder, self.members, metric)
        return self._effects[metric]

    @cached_property
    def _effects(self) -> dict[str | None, RunEffects]:
        return {}  # by metric: two charts ask for them

    def main_setting(self, metric: str) -> str | None:
        """Return the setting whose values explain most of the variance between configurations; None if none varies."""
        scored = [(group, mean) for group in self.groups if (mean := group.summary(metric).mean) is not None]
        shares = {key: _between([(self.text_of(group, key), mean) for group, mean in scored]) for key in self.axes}
        return max(shares, key=lambda key: shares[key], default=None)


def open_source(folder: RunFolder, metric: str | None = None) -> Source:
    """Return a run as it is now. Rows are ranked by `metric` (None: what the run was started with)."""
    state = load_state(folder)
    return Source(folder, state, Study(with_paper(rows(folder, state, metric), folder.spec.space)))


def in_order(found: set[Any]) -> list[Any]:
    """Return values of a setting in the order of an axis: numbers by size, then texts, then None."""
    return sorted(found, key=lambda value: (value is None, isinstance(value, str), _number(value), str(value)))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _between(scored: list[tuple[str, float]]) -> float:
    """Return the sum of squares between the means of levels."""
    if not scored:
        return 0.0
    overall = sum(value for _, value in scored) / len(scored)
    levels: dict[str, list[float]] = {}
    for level, value in scored:
        levels.setdefault(level, []).append(value)
    return sum(len(one) * (sum(one) / len(one) - overall) ** 2 for one in levels.values())
