"""The output of `sweep effects`, as text, Markdown, JSON or CSV."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import setting_text
from sweep.reporting.tables import markdown_table, records_csv, records_json
from sweep.reporting.verdicts.effects import Effects, Part
from sweep.reporting.verdicts.sentence import number, p_value, sentence, signed
from sweep.statistics.importance import Importances
from sweep.statistics.tuning_curve import TuningCurve
from sweep.statistics.verdict import Verdict

SHARE_NOTE = "share: part of the sum of squares; omega2: the part that is not noise; p (Holm): corrected over the table"


def effects_text(found: Effects, additions: Sequence[Verdict], interactions: Sequence[Verdict], form: str) -> str:
    """Return the effects in `form`: text, md, json or csv."""
    records = [*_records(found), *(_verdict_record(one) for one in (*additions, *interactions))]
    keys = list(dict.fromkeys(key for record in records for key in record))
    if form == "json":
        return records_json(keys, records)
    if form == "csv":
        return records_csv(keys, records)
    blocks = [f"effects on {found.metric}, {found.seeds} seed{'s' if found.seeds > 1 else ''}"]
    blocks += [block for part in found.parts for block in _part(part, found.metric)]
    if found.noise:
        blocks.append("\n".join(found.noise))
    if found.drawn is not None:
        blocks += _importances(found.drawn)
    if found.curve is not None:
        blocks += _curve(found.curve, found.metric)
    if found.drawn_refused is not None:
        blocks.append(f"no importances: {found.drawn_refused}")
    for title, verdicts in (
        ("What each method adds", additions),
        ("Do the gains of two methods add up?", interactions),
    ):
        if verdicts:
            blocks += [f"**{title}**" if form == "md" else title, _list(verdicts, found.metric, form)]
    return "\n\n".join(blocks)


def _list(verdicts: Sequence[Verdict], metric: str, form: str) -> str:
    mark = "- " if form == "md" else ""
    return "\n".join(mark + sentence(verdict, metric) for verdict in verdicts)


def _part(part: Part, metric: str) -> list[str]:
    blocks = [f"Settings of {part.title}: {', '.join(part.factors) or 'none that every row has'}"]
    if part.left_out:
        blocks.append(f"left out, since only some rows have them: {', '.join(part.left_out)}")
    if part.note:
        blocks.append(part.note)
    if part.table is not None:
        rows = [
            [
                term.name,
                str(term.df),
                f"{term.share:.1%}",
                "" if term.omega2 is None else f"{term.omega2:.1%}",
                "" if term.p is None else p_value(term.p),
                "" if term.adjusted is None else p_value(term.adjusted),
            ]
            for term in part.table.terms
        ]
        blocks += [markdown_table(["term", "df", "share", "omega2", "p", "p (Holm)"], rows), SHARE_NOTE]
    if part.levels:
        rows = [
            [
                f"{one.factor}: {setting_text(one.level)} - {setting_text(one.reference)}",
                f"{signed(one.mean)} [{number(one.low)}, {number(one.high)}]",
                p_value(one.p),
                p_value(one.adjusted),
            ]
            for one in part.levels
        ]
        blocks.append(markdown_table(["level - reference", f"{metric} [95 % interval]", "p", "p (Holm)"], rows))
    return blocks


def _importances(found: Importances) -> list[str]:
    rows = [[one.axis, f"{one.share:.1%}", "yes" if one.above_noise else "no"] for one in found.axes]
    return [
        markdown_table(["axis", "importance", "above noise"], rows),
        f"PED-ANOVA over {found.points} points. In pure noise, the largest importance stays below {found.floor:.1%} in "
        "95 % of cases; importances below that say nothing. The test is approximate: it errs in about 6 to 8 %.",
    ]


def _curve(curve: TuningCurve, metric: str) -> list[str]:
    """Return the best score to expect of k random points, for some k up to the number of points."""
    sign = 1.0 if larger_is_better(metric) else -1.0
    shown = [place for place, k in enumerate(curve.k) if k in (1, 2, 5, 10, 20, 50, 100) or k == curve.k[-1]]
    rows = [
        [
            str(curve.k[place]),
            number(sign * float(curve.median[place])),
            *(_bound(value) for value in sorted((sign * float(curve.low[place]), sign * float(curve.high[place])))),
        ]
        for place in shown
    ]
    return [
        "Equal effort: the best score of k random points. The 95 % band holds for all k at once.",
        markdown_table(["k", f"median best {metric}", "low", "high"], rows),
    ]


def _bound(value: float) -> str:
    return number(value) if math.isfinite(value) else "unknown"


def _records(found: Effects) -> list[dict[str, Any]]:
    terms = [
        {"kind": f"{part.title} term", **asdict(term)}
        for part in found.parts
        if part.table is not None
        for term in part.table.terms
    ]
    levels = [{"kind": f"{part.title} level", **asdict(one)} for part in found.parts for one in part.levels]
    drawn = [{"kind": "importance", **asdict(one)} for one in found.drawn.axes] if found.drawn else []
    return [*terms, *levels, *drawn]


def _verdict_record(verdict: Verdict) -> dict[str, Any]:
    return {"kind": "method", **asdict(verdict)}
