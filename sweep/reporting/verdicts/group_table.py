"""The table of settings: means over seeds with intervals, in a terminal or as Markdown."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from sweep.reporting.layout import Column, lay_out
from sweep.reporting.leaderboard import larger_is_better
from sweep.reporting.numbers import cell_format, decimals, plain_text
from sweep.reporting.tables import constants_line, footnotes, heading, markdown_table
from sweep.reporting.terminal_table import print_layout
from sweep.reporting.verdicts.evidence import evidence
from sweep.reporting.verdicts.follow_up_text import run_conclusions
from sweep.reporting.verdicts.health import health, health_lines
from sweep.reporting.verdicts.records import Record, records
from sweep.reporting.verdicts.study import Study
from sweep.store.run_folder import RunFolder
from sweep.store.state import RunState

EXPLANATION = (
    "Means over n seeds with their 95 % interval. = marks configurations that cannot be told from the best. "
    "`sweep report --rows` lists every seed; `sweep compare` compares configurations."
)


def print_group_table(
    console: Console, folder: RunFolder, state: RunState, study: Study, *, top: int | None, wide: bool
) -> None:
    """Print the first `top` settings of a run and the conclusion."""
    rows, found = study.rows, records(study)
    names = _names(study, found)
    _, *others = _scores(found)
    optional = [name for name in ("lost", "unfinished", *others[:0:-1], "paper", *others[:1]) if name in names]
    layout = lay_out(
        [_column(name, found, top) for name in names], optional, keys=2, width=None if wide else console.width
    )
    print_layout(console, folder, rows, layout)
    if top is not None and len(found) > top:
        console.print(f"{len(found) - top} more configurations; omit --top to see them")
    console.print(EXPLANATION, style="dim")
    if layout.left_out:
        console.print(f"columns left out: {', '.join(layout.left_out)}; use --wide to show all")
    for text in (*footnotes(folder, rows), "", *findings(folder, state, study)):
        console.print(text, soft_wrap=True, markup=False)


def group_markdown(folder: RunFolder, state: RunState, study: Study, top: int | None) -> str:
    """Return the table of settings and the conclusion as Markdown."""
    rows = study.rows
    table = markdown_table(*group_cells(study, top))
    notes = [EXPLANATION, *footnotes(folder, rows), *filter(None, findings(folder, state, study))]
    return "\n\n".join([heading(folder, rows), constants_line(rows), table, *notes])


def group_cells(study: Study, top: int | None) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the columns of the table of settings, and the cells of its first `top` lines as texts."""
    found = records(study)
    names = _names(study, found)
    cells = [[cell.plain for cell in _column(name, found, top).cells] for name in names]
    return names, list(zip(*cells, strict=True))


def findings(folder: RunFolder, state: RunState, study: Study) -> list[str]:
    """Return the conclusions on a run and its health checks, a line each."""
    checks = health_lines(health(study, evidence(folder, state)))
    return [*run_conclusions(folder.spec, state, study), "", *checks]


def _names(study: Study, found: Sequence[Record]) -> list[str]:
    given = [name for name in ("lost", "unfinished") if any(one[name] for one in found)]
    variant = ["variant"] if any(one.get("variant") for one in found) else []
    paper = ["paper"] if any(one.get("paper") is not None for one in found) else []
    scores = _scores(found)
    return ["rank", "tied", *variant, *study.varying, "n", *given, *scores[:1], *paper, *scores[1:]]


def _scores(found: Sequence[Record]) -> list[str]:
    """Return the scores of the table, the ranking one first."""
    metrics = dict.fromkeys(one["metric"] for one in found)
    others = [key.removesuffix("_sd") for one in found[:1] for key in one if key.endswith("_sd")]
    return list(dict.fromkeys([*metrics, "dev_loss", *others]))


def _column(name: str, found: Sequence[Record], top: int | None) -> Column:
    if f"{name}_sd" in found[0]:
        digits = decimals(name, [one.get(name) for one in found])
        cells, short = ([_score_cell(name, one, digits, wanted) for one in found[:top]] for wanted in (True, False))
        return Column(name=name, cells=cells, short_cells=short)
    if name == "tied":
        marks = [Text("=" if one["tied"] else "") for one in found[:top]]
        return Column(name="", cells=marks, short_cells=marks)
    values = [one.get(name) for one in found]
    texts, short_texts = (
        [Text(write(value)) for value in values[:top]]
        for write in (cell_format(name, values), cell_format(name, values, short=True))
    )
    return Column(name=name, cells=texts, short_cells=short_texts, is_left=name == "variant")


def _score_cell(name: str, one: Record, digits: int, interval: bool) -> Text:
    """Return a mean, marked if it does not beat the baseline, with its interval or half-width."""
    mean, low, high = (one.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    text = Text.assemble(plain_text(mean, digits), ("<", "red") if _is_below(name, one) else " ")
    if low is None or high is None or mean is None:
        return text
    if interval:
        return text + Text(f"[{plain_text(low, digits)}, {plain_text(high, digits)}]", style="dim")
    return text + Text(f"±{plain_text((high - low) / 2, max(1, digits - 1))}", style="dim")


def _is_below(name: str, one: dict[str, Any]) -> bool:
    mean, base = one.get(name), one.get(f"base_{name}")
    if mean is None or base is None:
        return False
    return bool((mean - base) * (1 if larger_is_better(name) else -1) <= 0)
