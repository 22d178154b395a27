"""What a run that settles a comparison or confirms settings says."""

from collections.abc import Sequence

from sweep.planning.follow_up import ConfirmConfig, SettleConfig
from sweep.reporting.leaderboard import Row, larger_is_better
from sweep.reporting.verdicts.conclusion import conclusion, score_text
from sweep.reporting.verdicts.groups import Group
from sweep.reporting.verdicts.sentence import number, sentence, signed
from sweep.reporting.verdicts.sides import paired
from sweep.reporting.verdicts.study import Study
from sweep.statistics.sequential import Decision
from sweep.statistics.verdict import Verdict, judge
from sweep.store.events import SettledEvent
from sweep.store.run_spec import RunSpec
from sweep.store.state import RunState


def follow_up_lines(spec: RunSpec, state: RunState, rows: Sequence[Row]) -> list[str]:
    """Return the outcome of a run that follows from another; nothing for any other run."""
    if spec.settle is not None:
        return [settled_line(spec.settle, state.settled, len(state.suggestions))]
    return confirmation_lines(spec.confirm, rows) if spec.confirm is not None else []


def run_conclusions(spec: RunSpec, state: RunState, study: Study) -> list[str]:
    """Return what a run says: the outcome if it follows from another run, and the conclusions on its rows."""
    outcome = follow_up_lines(spec, state, study.rows)
    return [*outcome, *conclusion(study, is_sequential=spec.settle is not None)]


def settled_line(config: SettleConfig, event: SettledEvent | None, pairs: int) -> str:
    """Return the decision of a sequential comparison in one sentence."""
    one, other = config.names
    if event is None:
        return f"{one} - {other}: not decided yet, {pairs} of at most {config.max_seeds} seeds"
    figures = [f"{event.pairs} paired seeds of at most {config.max_seeds}"]
    if event.mean is not None and event.low is not None and event.high is not None:
        level = f"{100 * (1 - config.alpha):.4g} %"
        figures = [
            f"{signed(event.mean)} {config.metric}",
            f"{level} interval {number(event.low)} to {number(event.high)}",
            *figures,
        ]
    return f"{one} - {other}: {', '.join(figures)} (group-sequential t test): {_word(config, event)}"


def _word(config: SettleConfig, event: SettledEvent) -> str:
    if event.decision == Decision.EQUAL:
        return f"equal within {config.margin:g}"
    if event.decision == Decision.UNDECIDED:
        return "undecided"
    return "better" if (event.decision == Decision.HIGHER) == config.larger_is_better else "worse"


def confirmation_lines(config: ConfirmConfig, rows: Sequence[Row]) -> list[str]:
    """Return how the chosen settings score on fresh seeds and on the test split, and whether they beat the baseline."""
    study = Study(rows)
    groups = {group.setting_id: group for group in study.groups}
    chosen = [groups[name] for name in config.scores if name in groups]
    lines = [f"confirmation of {config.run}: fresh seeds; the test split was not used to choose"]
    if config.earlier:
        times = "once" if config.earlier == 1 else f"{config.earlier} times"
        lines.append(f"the run was confirmed {times} before: each look at the test split makes its scores less honest")
    lines += [line for group in chosen for line in _setting_lines(config, group, study.name_of(group))]
    if config.metric != "dev_loss":
        lines += [sentence(verdict, f"test {config.metric}") for verdict in _against_baseline(config, study, chosen)]
    return lines


def _setting_lines(config: ConfirmConfig, group: Group, name: str) -> list[str]:
    fresh = group.summary(config.metric)
    test = group.summary(f"test_{config.metric}")
    if fresh.mean is None:
        return [f"{name}: no seed is finished"]
    predicted = config.predicted[group.setting_id]
    expected = f", expected {number(predicted)} on fresh seeds" if config.is_complete else ""
    lines = [
        f"{name}: chosen with {config.metric} {number(config.scores[group.setting_id])}{expected}; "
        f"reached {score_text(config.metric, fresh)} on dev"
    ]
    if test.mean is not None:
        lines[0] += f", {score_text(config.metric, test)} on test"
    return lines


def _against_baseline(config: ConfirmConfig, study: Study, chosen: Sequence[Group]) -> list[Verdict]:
    """Return the verdicts on each chosen setting against the un-tuned baseline, on the test split."""
    metric = f"test_{config.metric}"
    comparisons = [
        paired(f"{study.name_of(group)} - baseline", group.scores(metric), group.baseline(metric)) for group in chosen
    ]
    return judge(comparisons, larger_is_better=larger_is_better(config.metric))
