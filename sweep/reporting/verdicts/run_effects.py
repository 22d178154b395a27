"""Everything that is known of what the settings of a run do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.reporting.leaderboard import Row, larger_is_better
from sweep.reporting.verdicts.ablation import ablation
from sweep.reporting.verdicts.effects import Effects, effects
from sweep.reporting.verdicts.groups import groups_of
from sweep.reporting.verdicts.scored import from_rows
from sweep.statistics.verdict import Verdict, judge
from sweep.store.run_folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class RunEffects:
    """The effects of a run's settings, and what each method contributes."""

    effects: Effects
    additions: Sequence[Verdict]  # of a method to the same configuration without it
    interactions: Sequence[Verdict]  # whether the gains of two methods add up


def run_effects(folder: RunFolder, rows: Sequence[Row], metric: str | None, alpha: float = 0.05) -> RunEffects:
    """Return the effects on `metric` (None: the one that rows are ranked by).

    Raise RunError if the rows are not comparable, or the metric is unknown.
    """
    table = from_rows(rows, metric)
    spec = folder.spec
    found = effects(rows, table.metric, search=spec.tune_config.search, space=spec.search_space, alpha=alpha)
    parts = ablation(groups_of(rows), table.metric)
    additions, interactions = (
        judge(family, larger_is_better=larger_is_better(table.metric), alpha=alpha)
        for family in (parts.additions(), parts.interactions())
    )
    return RunEffects(
        effects=found,
        additions=additions,
        interactions=interactions,
    )
