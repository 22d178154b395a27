"""What the tables of a run show, in sentences whose numbers are macros."""

from collections.abc import Sequence

from sweep.paper.blocks import Block, baseline_id, points_of
from sweep.paper.names import metric_name, settings_phrase
from sweep.paper.numbers import Numbers, fixed, inline, of_points, p_inline
from sweep.paper.references import cite
from sweep.paper.texts import breakable
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.verdicts.groups import Group, summarize
from sweep.reporting.verdicts.sides import paired
from sweep.statistics.verdict import Verdict, Word, judge

BASE = "the base model without training"
JUDGED = {
    Word.BETTER: f"is better than {BASE}",
    Word.WORSE: f"is worse than {BASE}",
    Word.UNDECIDED: f"cannot be told from {BASE}",
    Word.IDENTICAL: f"scores the same with every seed as {BASE}",
    Word.EQUAL: f"equals {BASE}",
}
INTERVAL = {"Low": "lower end of the 95 % interval of the", "High": "upper end of the 95 % interval of the"}


def result_text(blocks: Sequence[Block], label: str, numbers: Numbers) -> str:
    """Return the results of a run's blocks, which the table `label` shows, as LaTeX source."""
    return "\n\n".join(_Result(block, label, numbers).tex() for block in blocks)


class _Result:
    """Writes the sentences on one block."""

    def __init__(self, block: Block, label: str, numbers: Numbers) -> None:
        assert block.found.best is not None, "a block has a finished configuration"
        self.block, self.label, self.numbers = block, label, numbers
        self.best = block.found.best
        self.metric, self.digits = block.metric, block.digits[block.metric]
        self.points = " ".join(points_of(self.best.group, self.metric))
        self.every = " ".join(row["point_id"] for group in block.groups for row in group.rows)

    def tex(self) -> str:
        return " ".join(filter(None, [self._best(), self._baseline(), self._tied(), self._luck(), self._chosen()]))

    def _number(self, name: str, value: str, what: str, points: str) -> str:
        return self.numbers.add(self.block.word + name, value, of_points(f"{what} of points", [points]))

    def _score(self, name: str, value: float, what: str, points: str) -> str:
        return self._number(name, inline(value, self.digits), what, points)

    def _ends(self, name: str, low: float, high: float, what: str, points: str) -> str:
        """Return the two ends of an interval."""
        ends = zip(INTERVAL.items(), (low, high), strict=True)
        found = [self._score(name + end, value, f"{start} {what}", points) for (end, start), value in ends]
        return rf"95\,\% interval {' to '.join(found)}"

    def _best(self) -> str:
        summary, where = (
            self.best.summary,
            f"For {self.block.title.replace(': ', ' ')}, the" if self.block.title else "The",
        )
        assert summary.mean is not None, "the best configuration has a score"
        count = self._number("Compared", f"{len(self.block.groups):,}", "number of configurations", self.every)
        seeds = self._number("BestSeeds", f"{summary.n:,}", "number of seeds", self.points)
        score = self._score("BestScore", summary.mean, f"mean {self.metric}", self.points)
        name, table = self._name(self.best.group), rf"Table~\ref{{{self.label}}}"
        text = f"{where} best of {count} configurations, {name}, reaches {metric_name(self.metric)} {score}"
        if summary.low is None or summary.high is None:
            return f"{text} with {seeds} seed ({table})."
        ends = self._ends("Best", summary.low, summary.high, f"mean {self.metric}", self.points)
        return f"{text} on average ({ends}, {seeds} seeds; {table})."

    def _name(self, group: Group) -> str:
        if group.variant:
            return rf"\emph{{{breakable(group.variant)}}}"
        keys = [key for key in self.block.run.study.varying if key not in self.block.apart]
        return settings_phrase({key: group.settings.get(key) for key in keys}) or "the only one"

    def _baseline(self) -> str:
        """Return how the best configuration compares with its baseline, with the same decoding and seeds."""
        group = self.best.group
        scores, base = group.scores(self.metric), group.baseline(self.metric)
        (verdict,) = judge([paired("best", scores, base)], larger_is_better=larger_is_better(self.metric))
        mean = summarize(base.values()).mean
        if verdict.mean is None or mean is None:
            return ""
        ids = " ".join(baseline_id(row) for row in group.rows if row["seed"] in base)
        score = self._score("BaselineScore", mean, f"mean {self.metric}", ids)
        difference = self._difference(verdict, f"{self.points} less points {ids}")
        if difference is None:
            return f"{BASE.capitalize()} has {score}."
        return f"It {JUDGED[verdict.word]}, which has {score}: {difference}."

    def _difference(self, verdict: Verdict, points: str) -> str | None:
        """Return a difference with its interval and p; None with one seed."""
        if verdict.mean is None or verdict.low is None or verdict.high is None:
            return None
        what = f"mean difference in {self.metric}, paired by seed,"
        difference = self._score("Gain", verdict.mean, what, points)
        ends = self._ends("Gain", verdict.low, verdict.high, what, points)
        text = p_inline(verdict.p)
        p = self._number("GainP", text, f"p of the {what}", points)
        return f"the difference is {difference} ({ends}, paired $t$ test, $p${'' if '<' in text else ' ='} {p})"

    def _tied(self) -> str:
        others = [one for one in self.block.found.settings[1:] if one.tied is not None]
        if len(others) < 2:
            return ""
        tied = sum(bool(one.tied) for one in others)
        count = self._number("Tied", f"{tied:,}", "number of configurations tied with the best", self.every)
        rest = self._number("Others", f"{len(others):,}", "number of configurations beside the best", self.every)
        return f"{count} of the other {rest} configurations cannot be told from it."

    def _luck(self) -> str:
        luck = self.block.found.luck
        if luck is None or len(self.block.groups) - self.block.found.left_out < 3:
            return ""
        expected = luck.expected if larger_is_better(self.metric) else -luck.expected
        score = self._score("LuckScore", expected, f"mean best {self.metric} by luck", self.every)
        p = self._number("LuckP", fixed(luck.p, 4), "p that luck explains the best", self.every)
        return (
            f"If all were equally good, the best would reach {score} by luck on average ($p$ = {p}, by permutation"
            f"{cite('pitman1937')})."
        )

    def _chosen(self) -> str:
        return "The same scores chose it, so that its own are optimistic." if len(self.block.groups) > 1 else ""
