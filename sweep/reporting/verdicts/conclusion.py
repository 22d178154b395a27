"""What a run says, in a few plain sentences."""

from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import decimals, plain_text
from sweep.reporting.verdicts.groups import Summary, summarize
from sweep.reporting.verdicts.standings import Standing, Standings
from sweep.reporting.verdicts.study import Study


def conclusion(study: Study) -> list[str]:
    """Return the conclusions on each set of comparable rows."""
    return [line for place in range(len(study.sets)) for line in _conclusions(study, place)]


def _conclusions(study: Study, place: int) -> list[str]:
    found, members = study.standings(place), study.sets[place]
    metric = found.metric
    if found.best is None:
        return []
    lines = [_best_line(found, found.best, study.name_of(found.best.group))]
    if found.seeds < 2 and len(members) > 1:
        lines.append(
            "one seed per configuration: any difference may be luck. Repeat the run with --seeds 6 to compare them"
        )
    lines += _luck_lines(found)
    lines += _baseline_lines(found.best, metric)
    if metric != "dev_loss":
        by_loss = study.standings(place, "dev_loss")
        if by_loss.best is not None and by_loss.best.group.setting_id != found.best.group.setting_id:
            lines.append(_best_line(by_loss, by_loss.best, study.name_of(by_loss.best.group)))
    return lines


def _best_line(found: Standings, best: Standing, name: str) -> str:
    """Return the best setting with its interval, and how many are tied with it."""
    text = f"best {found.metric}: {score_text(found.metric, best.summary)} at {name}"
    others = [one for one in found.settings[1:] if one.tied is not None]
    tied = sum(bool(one.tied) for one in others)
    if not others:
        return text
    if len(others) == 1:
        return f"{text}; `sweep compare` judges the difference between the two"
    if tied == 0:
        return f"{text}; every other configuration is worse"
    if tied == len(others):
        return f"{text}; all other configurations are tied with it (marked =)"
    verb = "is" if tied == 1 else "are"
    return f"{text}; {tied} of the other {len(others)} configurations {verb} tied with it (marked =)"


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
        return [f"more than luck: {text} (p = {luck.p:.2g})"]
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
