"""The tables and claims of the ExpLoRA paper as LaTeX, as Markdown, and as a short table for a terminal."""

from collections.abc import Sequence
from pathlib import Path

from sweep.paper.claims import ClaimAtBase
from sweep.paper.names import field_name, group_name, metric_name, value_text
from sweep.paper.numbers import digits_for, fixed, half_width
from sweep.paper.published import TABLES, ComparedCell, ComparedTable
from sweep.paper.references import cite
from sweep.paper.tabular import Column, Table, numbers_column, score_column, source_column, text_column
from sweep.paper.texts import breakable, comment, plain, with_code
from sweep.reporting.settings import varying_keys
from sweep.reporting.tables import markdown_table
from sweep.reporting.verdicts.groups import Summary

THEIRS = "GPT-2 small, the paper's data, one seed"
UNKNOWN = Summary(n=0, lost=0, mean=None, sd=None, low=None, high=None)
MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in r"\*_[]<>#~"})


def claims_tex(tables: Sequence[ComparedTable], claims: Sequence[ClaimAtBase]) -> str:
    """Return the claims and the tables as LaTeX source."""
    lines = [
        f"The paper{cite('penfold2025explora')} used {THEIRS}. What is said here is of the bases named. Ranks are "
        f"compared by Spearman's correlation{cite('spearman1904')}, equality is tested by two one-sided "
        f"tests{cite('schuirmann1987')}, and $p$ is corrected by Holm's procedure{cite('holm1979')}.",
    ]
    for one in claims:
        lines += [
            comment(f"points: {' '.join(one.judged.points) or 'none'}"),
            rf"\paragraph{{{plain(one.claim.text)}.}} ({plain(one.claim.source)}.) Base {plain(_base(one.base))}: "
            rf"\textbf{{{plain(one.judged.outcome)}}}. {with_code(_sentence(one.judged.reason))}",
        ]
    return "\n\n".join([*lines, *(_table(one).tex() for one in tables), _absent(tables)])


def claims_md(tables: Sequence[ComparedTable], claims: Sequence[ClaimAtBase]) -> str:
    """Return the claims and the tables as Markdown."""
    blocks = ["# The ExpLoRA paper, beside these runs", f"The paper's figures: {THEIRS}.", "## Claims"]
    names = ["claim", "source", "base", "verdict", "reason"]
    rows = [
        [one.claim.text, one.claim.source, _base(one.base), str(one.judged.outcome), _sentence(one.judged.reason)]
        for one in claims
    ]
    blocks.append(markdown_table(names, [[cell.translate(MARKDOWN) for cell in row] for row in rows]))
    for table in tables:
        blocks += [f"## {table.title} (base {_base(table.base).translate(MARKDOWN)})", _markdown(table), *_notes(table)]
    return "\n\n".join(filter(None, [*blocks, _absent_text(tables)]))


def claims_lines(tables: Sequence[ComparedTable], claims: Sequence[ClaimAtBase]) -> list[str]:
    """Return the outcome of each claim, and what there is of each table, for a terminal."""
    judged = [[one.claim.text, _base(one.base), str(one.judged.outcome)] for one in claims]
    found = [
        [table.title, _base(table.base), f"{len(table.known)} of {len(table.cells)}", _correlation(table)]
        for table in tables
    ]
    parts = [markdown_table(["claim", "base", "verdict"], judged)]
    parts += [markdown_table(["table", "base", "cells", "Spearman"], found)] if found else []
    return "\n\n".join([*parts, _absent_text(tables)]).rstrip().splitlines()


def _table(table: ComparedTable) -> Table:
    summaries = [_summary(one, table.metric) for one in table.cells]
    digits = digits_for(summaries)
    scores = [one.cell.published.score for one in table.cells]
    shown = max(len(str(score).partition(".")[2]) for score in scores)
    differences = [
        None if one.mean is None or score is None else one.mean - score
        for one, score in zip(summaries, scores, strict=True)
    ]
    number, what = TABLES[table.space]
    return Table(
        caption=f"{what} ({number} of the paper), and the run {breakable(table.run.name)} with the base "
        f"{breakable(_base(table.base))} ({metric_name(table.metric)}).",
        label=f"tab:paper-{table.space}-{_label(table.base)}",
        columns=[
            *_names(table),
            numbers_column("paper", scores, shown),
            score_column("here", [one.mean for one in summaries], [half_width(one) for one in summaries], digits),
            source_column("$n$", [str(one.n or "") for one in summaries]),
            numbers_column("difference", differences, digits),
        ],
        notes=[breakable(note) for note in _notes(table)],
    )


def _names(table: ComparedTable) -> list[Column]:
    """Return a column with the methods of the cells, or one for each setting that varies."""
    cells = [one.cell for one in table.cells]
    if all(cell.method for cell in cells):
        return [text_column("configuration", [one.name for one in table.cells])]
    return [
        source_column(field_name(key), [value_text(cell.settings.get(key)) for cell in cells], group=group_name(key))
        for key in varying_keys([cell.settings for cell in cells])
    ]


def _notes(table: ComparedTable) -> list[str]:
    """Return what a reader of the table must know, as plain text."""
    notes = [f"Paper: {THEIRS}. Here: base {_base(table.base)}, {_data(table)}, mean over n seeds."]
    notes.append(f"Spearman's rank correlation: {_correlation(table)}.")
    if table.missing:
        notes.append(f"Not in this run: {'; '.join(table.missing)}.")
    deviations = [f"{one.name}: {one.deviation}" for one in table.known if one.deviation]
    notes += [f"Not as in the paper: {'; '.join(deviations)}."] if deviations else []
    remarks = dict.fromkeys(one.cell.published.note for one in table.cells if one.cell.published.note)
    return notes + [f"{remark}." for remark in remarks if remark]


def _data(table: ComparedTable) -> str:
    names = dict.fromkeys(str(one.group.settings.get("data") or "the shipped data") for one in table.cells if one.group)
    return ", ".join(Path(name).name for name in names)


def _markdown(table: ComparedTable) -> str:
    rows = []
    for one in table.cells:
        summary, score = _summary(one, table.metric), one.cell.published.score
        digits = digits_for([_summary(cell, table.metric) for cell in table.cells])
        half = half_width(summary)
        mean = (
            "" if summary.mean is None else fixed(summary.mean, digits) + (f" ± {fixed(half, digits)}" if half else "")
        )
        gap = "" if summary.mean is None or score is None else f"{summary.mean - score:+.{digits}f}"
        rows.append([one.name.translate(MARKDOWN), f"{score}", mean, str(summary.n or ""), gap])
    return markdown_table(["cell", "paper", "here", "n", "difference"], rows)


def _summary(one: ComparedCell, metric: str) -> Summary:
    return UNKNOWN if one.group is None else one.group.summary(metric)


def _correlation(table: ComparedTable) -> str:
    count = len(table.known)
    return f"unknown (n = {count})" if table.correlation is None else f"{table.correlation:.2f} (n = {count})"


def _absent_text(tables: Sequence[ComparedTable]) -> str:
    there = {table.space for table in tables}
    absent = [", ".join(title) for space, title in TABLES.items() if space not in there]
    return f"Not in these runs: {'; '.join(absent)}." if absent else ""


def _absent(tables: Sequence[ComparedTable]) -> str:
    return plain(_absent_text(tables))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _base(base: str) -> str:
    """Return the name of a base, of a path only its last part."""
    return base.rstrip("/").rpartition("/")[2] if base.startswith(("/", ".", "~")) else base


def _label(base: str) -> str:
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in base)
