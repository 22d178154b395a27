"""What a run says, in a few plain sentences."""

from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import decimals, plain_text
from sweep.reporting.verdicts.groups import Summary, summarize
from sweep.reporting.verdicts.sentence import sentence, signed
from sweep.reporting.verdicts.sides import paired
from sweep.reporting.verdicts.standings import Standing, Standings
from sweep.reporting.verdicts.study import Study
from sweep.statistics.verdict import judge


def conclusion(study: Study, *, is_sequential: bool = False) -> list[str]:
    """Return the conclusions on each set of comparable rows.

    With `is_sequential`, seeds were added until a comparison was decided, so that no test for a fixed number holds.
    """
    lines = []
    for place in range(len(study.sets)):
        name = study.set_name(place)
        lines += [f"{name}: {line}" if name else line for line in _conclusions(study, place, is_sequential)]
    return lines


def _conclusions(study: Study, place: int, is_sequential: bool) -> list[str]:
    found, members = study.standings(place), study.sets[place]
    metric = found.metric
    if found.best is None:
        return []
    lines = [_best_line(study, found, found.best)]
    if not is_sequential:
        lines += _pair_lines(study, found)
    if found.seeds < 2 and len(members) > 1:
        lines.append(
            "one seed per configuration: any difference may be luck. Repeat the run with --seeds 6 to compare them"
        )
    lines += _luck_lines(found)
    lines += _baseline_lines(found.best, metric)
    if metric != "dev_loss":
        by_loss = study.standings(place, "dev_loss")
        if by_loss.best is not None and by_loss.best.group.setting_id != found.best.group.setting_id:
            lines.append(_best_line(study, by_loss, by_loss.best, mark=""))
    return lines


def _best_line(study: Study, found: Standings, best: Standing, mark: str = " (marked =)") -> str:
    """Return the best setting with its interval and its gain over the baseline, and how many are tied with it."""
    better = "" if larger_is_better(found.metric) else " (lower is better)"
    text = f"best {found.metric}{better}: {score_text(found.metric, best.summary)} at {study.name_of(best.group)}"
    gain = _gain(best, found.metric)
    if gain is not None:
        text += f", {signed(gain)} against the model before fine-tuning"
    others = [one for one in found.settings[1:] if one.tied is not None]
    tied = sum(bool(one.tied) for one in others)
    if len(others) < 2:
        return text
    if tied == 0:
        return f"{text}; every other configuration is worse"
    if tied == len(others):
        return f"{text}; all other configurations are tied with it{mark}"
    verb = "is" if tied == 1 else "are"
    return f"{text}; {tied} of the other {len(others)} configurations {verb} tied with it{mark}"


def _gain(best: Standing, metric: str) -> float | None:
    """Return the difference to the baseline if the best setting beats it; else None."""
    baseline = summarize(best.group.baseline(metric).values()).mean
    if baseline is None or best.summary.mean is None:
        return None
    gain = best.summary.mean - baseline
    return gain if gain * (1 if larger_is_better(metric) else -1) > 0 else None


def _pair_lines(study: Study, found: Standings) -> list[str]:
    """Return the verdict on a set of two settings."""
    scored = [one.group for one in found.settings if one.rank is not None]
    if len(scored) != 2 or found.seeds < 2:
        return []
    one, other = scored
    name = f"{study.name_of(one)} - {study.name_of(other)}"
    pair = paired(name, one.scores(found.metric), other.scores(found.metric))
    return [
        sentence(verdict, found.metric) for verdict in judge([pair], larger_is_better=larger_is_better(found.metric))
    ]


def _luck_lines(found: Standings) -> list[str]:
    luck = found.luck
    if luck is None or len(found.settings) - found.left_out < 3:
        return []
    sign = 1.0 if larger_is_better(found.metric) else -1.0
    digits = decimals(found.metric, [luck.best])
    count = len(found.settings) - found.left_out
    expected = plain_text(sign * luck.expected, digits)
    text = f"if all {count} configurations were equally good, the best would reach {expected} by luck on average"
    if luck.more_than_luck():
        tied = sum(bool(one.tied) for one in found.settings)
        open_question = f"; which of the {tied} tied ones is best is not decided" if tied > 1 else ""
        return [f"more than luck, the configurations differ: {text} (p = {luck.p:.2g}){open_question}"]
    if luck.own_p is not None and luck.p <= 0.05:
        return [f"possibly luck: {text}; the best one varies much more between seeds than the others"]
    return [f"possibly luck: {text} (p = {luck.p:.2g})"]


def _baseline_lines(best: Standing, metric: str) -> list[str]:
    baseline = summarize(best.group.baseline(metric).values())
    if baseline.mean is None or best.summary.mean is None:
        return []
    if (best.summary.mean - baseline.mean) * (1 if larger_is_better(metric) else -1) > 0:
        return []
    return [f"the best configuration does not beat the baseline ({metric} {score_text(metric, baseline)})"]


def score_text(metric: str, summary: Summary) -> str:
    """Return a mean with its interval and number of seeds: 40.820 [39.901, 41.739], n = 3."""
    digits = decimals(metric, [summary.mean])
    mean = plain_text(summary.mean, digits)
    if summary.low is None or summary.high is None:
        return mean
    return f"{mean} [{plain_text(summary.low, digits)}, {plain_text(summary.high, digits)}], n = {summary.n}"
