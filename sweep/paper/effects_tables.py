"""Tables of effects: what each setting does, what each method adds, and how much of the variance each explains."""

from collections.abc import Sequence

from sweep.errors import RunError
from sweep.paper.names import metric_name, setting_name, value_text
from sweep.paper.numbers import digits_of_error, interval, p_inline
from sweep.paper.references import cite
from sweep.paper.source import PaperRun
from sweep.paper.tabular import Column, Table, numbers_column, source_column, text_column
from sweep.paper.texts import MINUS, breakable, plain
from sweep.reporting.verdicts.effects import Effects, Part
from sweep.reporting.verdicts.run_effects import RunEffects, run_effects
from sweep.reporting.verdicts.sentence import word
from sweep.statistics.verdict import Verdict

HOLM = r"$p$ is corrected by Holm's procedure for all rows of the table."
PAIRED = rf"Differences are paired by seed; each has its own 95\,\% interval (Student's $t$). {HOLM}"
PARTS = {"training": "Effects", "decoding": "Effects of decoding"}


def find_effects(run: PaperRun) -> RunEffects | str:
    """Return the effects in a run, as `sweep effects` finds them, or why there are none."""
    try:
        return run_effects(run.folder, run.rows, run.rows[0]["metric"])
    except RunError as error:
        return str(error)


def effects_tables(run: PaperRun, found: RunEffects) -> list[Table]:
    """Return the tables of effects: of levels where the grid is full, shares of variance, importances, methods."""
    metric = found.effects.metric
    tables = []
    for part in found.effects.parts:
        if part.levels:
            tables.append(_levels(run, part, metric))
        if part.table is not None:
            tables.append(_shares(run, part, metric))
    if found.effects.drawn is not None:
        tables.append(_importances(run, found.effects))
    known = [verdict for verdict in found.additions if verdict.mean is not None]
    if known and any(verdict.low is not None for verdict in known):
        tables.append(_methods(run, known, metric))
    return tables


def _levels(run: PaperRun, part: Part, metric: str) -> Table:
    digits = digits_of_error(sorted((one.high - one.low) / 2 for one in part.levels)[len(part.levels) // 2])
    settings = [setting_name(one.factor) for one in part.levels]
    return Table(
        caption=f"{PARTS[part.title]} of the settings of the run {breakable(run.name)} on {metric_name(metric)}: the "
        "mean of each value less that of the reference value.",
        label=f"tab:{run.name}-effects" + ("" if part.title == "training" else f"-{part.title}"),
        columns=[
            source_column("setting", _once(settings), kind="l"),
            source_column("value", [value_text(one.level) for one in part.levels]),
            source_column("reference", [value_text(one.reference) for one in part.levels]),
            numbers_column("effect", [one.mean for one in part.levels], digits),
            source_column(r"95\,\% interval", [interval(one.low, one.high, digits) for one in part.levels]),
            source_column("$p$", [p_inline(one.adjusted) for one in part.levels]),
        ],
        notes=[f"Averaged over the other settings, which form a full grid. {PAIRED}"],
        headings={place: "" for place, name in enumerate(_once(settings)) if name and place},
    )


def _shares(run: PaperRun, part: Part, metric: str) -> Table:
    assert part.table is not None, "a part without a table has no shares"
    terms = part.table.terms
    names = [r" $\times$ ".join(map(setting_name, term.name.split(" x "))) for term in terms]
    columns = [
        source_column("term", names, kind="l"),
        source_column("df", [str(term.df) for term in terms]),
        numbers_column(r"share (\%)", [100 * term.share for term in terms], 1),
    ]
    notes = ["Type II sums of squares, with the seeds as blocks, as shares of the whole."]
    if any(term.p is not None for term in terms):
        columns += [
            numbers_column(r"$\omega^2$ (\%)", [_percent(term.omega2) for term in terms], 1),
            source_column("$p$", [p_inline(term.adjusted) for term in terms]),
        ]
        notes.append(rf"$\omega^2$ is the share that is not noise. {HOLM}")
    if part.note:
        notes.append(f"{breakable(part.note[:1].upper() + part.note[1:])}.")
    return Table(
        caption=f"Analysis of the variance of {metric_name(metric)} in the run {breakable(run.name)} (settings of "
        f"{part.title}).",
        label=f"tab:{run.name}-variance" + ("" if part.title == "training" else f"-{part.title}"),
        columns=columns,
        notes=notes,
    )


def _importances(run: PaperRun, found: Effects) -> Table:
    assert found.drawn is not None, "only a drawn search has importances"
    axes = found.drawn.axes
    return Table(
        caption=f"Importance of the settings of the run {breakable(run.name)} for {metric_name(found.metric)} "
        f"(PED-ANOVA{cite('watanabe2023pedanova')}).",
        label=f"tab:{run.name}-importance",
        columns=[
            source_column("setting", [setting_name(one.axis) for one in axes], kind="l"),
            numbers_column(r"importance (\%)", [100 * one.share for one in axes], 1),
            source_column("above noise", ["yes" if one.above_noise else "no" for one in axes], kind="l"),
        ],
        notes=[
            f"Over {found.drawn.points:,} points. In pure noise, the largest importance stays below "
            rf"{100 * found.drawn.floor:.1f}\,\% in 95\,\% of cases."
        ],
    )


def _methods(run: PaperRun, verdicts: Sequence[Verdict], metric: str) -> Table:
    halves = sorted((one.high - one.low) / 2 for one in verdicts if one.high is not None and one.low is not None)
    digits = digits_of_error(halves[len(halves) // 2])
    columns: list[Column] = [
        text_column("comparison", [one.name.replace(" - ", f" {MINUS} ") for one in verdicts]),
        numbers_column("difference", [one.mean for one in verdicts], digits),
        source_column(
            r"95\,\% interval",
            ["--" if one.low is None or one.high is None else interval(one.low, one.high, digits) for one in verdicts],
        ),
        source_column("$n$", [str(one.n) for one in verdicts]),
        source_column("$p$", [p_inline(one.adjusted) for one in verdicts]),
        source_column("verdict", [plain(word(one, metric)) for one in verdicts], kind="l"),
    ]
    return Table(
        caption=f"What each method adds to {metric_name(metric)} in the run {breakable(run.name)}: each combination of "
        "methods less the same combination without one of them.",
        label=f"tab:{run.name}-methods",
        columns=columns,
        notes=[PAIRED],
    )


def _once(names: Sequence[str]) -> list[str]:
    """Return names, each only where it first appears."""
    return [name if not place or names[place - 1] != name else "" for place, name in enumerate(names)]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
