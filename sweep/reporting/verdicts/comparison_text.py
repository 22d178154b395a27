"""The output of `sweep compare`, as text, Markdown, JSON or CSV."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sweep.reporting.tables import markdown_table, records_csv, records_json
from sweep.reporting.verdicts.conclusion import score_text
from sweep.reporting.verdicts.groups import summarize
from sweep.reporting.verdicts.scored import ScoreTable
from sweep.reporting.verdicts.sentence import number, p_value, sentence, signed, word
from sweep.reporting.verdicts.sides import Side
from sweep.statistics.verdict import Verdict, Word


def comparison_text(
    table: ScoreTable, sides: Sequence[Side], verdicts: Sequence[Verdict], alpha: float, form: str
) -> str:
    """Return the verdicts in `form`: text, md, json or csv."""
    records = [_record(table, verdict) for verdict in verdicts]
    if form == "json":
        return records_json(list(records[0]) if records else [], records)
    if form == "csv":
        return records_csv(list(records[0]) if records else [], records)
    lines = [heading(table, verdicts)]
    lines += [_side_line(table, side) for side in sides]
    if form == "md":
        return "\n\n".join([lines[0], "\n".join(f"- {line}" for line in lines[1:]), _markdown(table, verdicts)])
    return "\n".join(
        [*lines, "", *(sentence(verdict, table.metric, alpha) for verdict in verdicts), *_advice(verdicts)]
    )


def heading(table: ScoreTable, verdicts: Sequence[Verdict]) -> str:
    """Return a line that names the metric, its direction and the family."""
    direction = "larger is better" if table.larger_is_better else "smaller is better"
    count = len(verdicts)
    family = f"; p is corrected for {count} comparisons" if count > 1 else ""
    return f"{table.metric} ({direction}), paired by seed{family}"


def _side_line(table: ScoreTable, side: Side) -> str:
    summary = summarize(side.means().values())
    lost = f", {summary.lost} lost" if summary.lost else ""
    averaged = f", mean of {len(side.cells)} configurations" if len(side.cells) > 1 else ""
    return f"{side.name}: {score_text(table.metric, summary)}{lost}{averaged}"


def _advice(verdicts: Sequence[Verdict]) -> list[str]:
    """Return what to do about undecided comparisons."""
    if not any(verdict.word == Word.UNDECIDED for verdict in verdicts):
        return []
    return [
        "",
        "Adding seeds to an undecided comparison and testing again declares a difference between equal configurations "
        "in 10 to 13 % of studies instead of 5 %. `sweep settle` adds seeds without that error.",
    ]


def _markdown(table: ScoreTable, verdicts: Sequence[Verdict]) -> str:
    names = ["comparison", "verdict", "difference", "low", "high", "n", "p", "p (Holm)", "exact p"]
    return markdown_table(
        names,
        [
            [
                verdict.name,
                word(verdict, table.metric),
                "" if verdict.mean is None else signed(verdict.mean),
                "" if verdict.low is None else number(verdict.low),
                "" if verdict.high is None else number(verdict.high),
                str(verdict.n),
                p_value(verdict.p),
                p_value(verdict.adjusted),
                p_value(verdict.exact_p),
            ]
            for verdict in verdicts
        ],
    )


def _record(table: ScoreTable, verdict: Verdict) -> dict[str, Any]:
    return {
        "comparison": verdict.name,
        "metric": table.metric,
        "larger_is_better": table.larger_is_better,
        **{key: value for key, value in asdict(verdict).items() if key != "name"},
    }
