"""Say a verdict in plain English, so that a thesis can quote it."""

from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import setting_text
from sweep.statistics.verdict import Verdict, Word

FEW_PAIRS = 6  # below, sign flips cannot reach 5 %


def sentence(verdict: Verdict, metric: str, alpha: float = 0.05) -> str:
    """Return the figures and the word of `verdict` in one sentence, and what else a reader must know in others."""
    head = f"{verdict.name}: "
    if verdict.mean is None:
        return f"{head}no seed has a score on both sides: undecided"
    if verdict.low is None or verdict.high is None or verdict.p is None:
        return f"{head}{signed(verdict.mean)} {metric} with one seed: undecided; one seed does not show the noise"
    if verdict.word == Word.IDENTICAL:
        return f"{head}the same {metric} with each of {verdict.n} paired seeds: identical"
    level = f"{100 * (1 - alpha):.4g} %"
    figures = [
        f"{signed(verdict.mean)} {metric}",
        f"{level} interval {number(verdict.low)} to {number(verdict.high)}",
        f"n = {verdict.n} paired seeds",
        p_text(verdict),
    ]
    if verdict.visible is not None and verdict.word == Word.UNDECIDED:
        after = " after Holm" if verdict.family > 1 else ""
        figures.append(f"smallest visible effect{after} {number(verdict.visible)}")
    return "; ".join([f"{head}{', '.join(figures)}: {word(verdict, metric, alpha)}", *_remarks(verdict)])


def word(verdict: Verdict, metric: str, alpha: float = 0.05) -> str:
    """Return the word of `verdict`, with the margin and direction that belong to it."""
    if verdict.word != Word.EQUAL:
        return str(verdict.word)
    text = f"equal within {setting_text(verdict.margin)}"
    if verdict.adjusted is not None and verdict.adjusted <= alpha and verdict.mean:
        better = (verdict.mean > 0) == larger_is_better(metric)
        text += f", measurably {'better' if better else 'worse'} by {number(abs(verdict.mean))}"
    return text


def p_text(verdict: Verdict) -> str:
    """Return the p of Student's t, after Holm, and that of the sign flips."""
    holm = f"Holm over {verdict.family}: {p_value(verdict.adjusted)}" if verdict.family > 1 else ""
    exact = f"exact sign flips: {p_value(verdict.exact_p)}"
    return f"{p_equals(verdict.p)} ({'; '.join(filter(None, [holm, exact]))})"


def _remarks(verdict: Verdict) -> list[str]:
    """Return what a reader must know besides the figures."""
    found = []
    if verdict.more_seeds is not None:
        seeds = "1 more seed" if verdict.more_seeds == 1 else f"{verdict.more_seeds:,} more seeds"
        found.append(f"{seeds} would settle an effect of this size with 80 % probability")
    if verdict.lost_decide:
        found.append(
            f"{_seeds(verdict.lost)} diverged or failed: the word would differ if they counted as the worst score"
        )
    elif verdict.lost:
        found.append(f"{_seeds(verdict.lost)} diverged or failed on one side; the word does not depend on them")
    if verdict.outlier is not None:
        found.append("one pair's difference is unusual, so the interval is unreliable")
    if verdict.n < FEW_PAIRS and verdict.word in (Word.BETTER, Word.WORSE):
        found.append(f"with {verdict.n} pairs the exact p cannot fall below {2 ** (1 - verdict.n):.3g}")
    return found


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    text = number(abs(value))
    return f"{'-' if value < 0 else '+'}{text}"


def number(value: float) -> str:
    """Return a value with two or three significant digits: 12.3, 0.8, 0.037, 1.2e-06."""
    if value == 0:
        return "0"
    size = abs(value)
    if size < 0.001:
        return f"{value:.2g}"
    digits = 1 if size >= 10 else 2 if size >= 0.1 else 3 if size >= 0.01 else 5
    return f"{value:.{digits}f}"


def p_equals(value: float | None) -> str:
    """Return a p with its sign of relation: p = 0.03, p < 0.0001."""
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def p_value(value: float | None) -> str:
    """Return a p with two significant digits."""
    if value is None:
        return "unknown"
    if value < 0.0001:
        return "< 0.0001"
    return f"{value:.2g}" if value < 0.995 else "1"
