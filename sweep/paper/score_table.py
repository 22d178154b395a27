"""The table of a run's configurations: settings, means with intervals, ties with the best, and baselines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from model.settings import Scalar
from sweep.paper.blocks import APART, Baseline, Block
from sweep.paper.names import field_name, group_name, metric_name, settings_phrase, value_text
from sweep.paper.numbers import half_width
from sweep.paper.recorded import shown_keys
from sweep.paper.source import PaperRun
from sweep.paper.tabular import Column, Table, score_column, source_column, text_column
from sweep.paper.texts import breakable, listed, plain
from sweep.reporting.numbers import counted
from sweep.reporting.settings import informative_keys
from sweep.reporting.verdicts.groups import Summary
from sweep.reporting.verdicts.standings import Standing

TIED = r"\textbullet"
UNTRAINED = "base model, not trained"
ROWS = 32  # of a table: more do not fit on a page
MOST_BASELINES = 4  # of a block
MOST_SETTINGS = 5  # columns beside the names of variants; more get a table of their own


@dataclass(frozen=True)
class _Line:
    """A row of the table: a configuration or a baseline."""

    block: Block
    standing: Standing | None = None
    baseline: Baseline | None = None

    def summary(self, metric: str) -> Summary:
        if self.standing is not None:
            return self.standing.group.summary(metric)
        assert self.baseline is not None
        return self.baseline.summary(metric)

    def setting(self, key: str) -> Scalar:
        if self.standing is not None:
            value: Scalar = self.standing.group.settings.get(key)
            return value
        assert self.baseline is not None
        return self.baseline.decoding.get(key)


def score_tables(run: PaperRun, blocks: Sequence[Block], rows: int = ROWS) -> list[Table]:
    """Return a table of scores for each task of a run, with at most `rows` configurations, and a table of settings.

    The latter is made if the configurations have names and many settings.
    """
    tables: list[Table] = []
    for task in dict.fromkeys(block.groups[0].settings["task"] for block in blocks):
        mine = [block for block in blocks if block.groups[0].settings["task"] == task]
        label = f"tab:{run.name}" if len(tables) == 0 else f"tab:{run.name}-{len(tables) + 1}"
        tables.append(_score_table(run, mine, rows, label))
    if _is_split(run):
        tables.append(_settings_table(run, blocks, rows))
    return tables


def _score_table(run: PaperRun, blocks: Sequence[Block], rows: int, label: str) -> Table:
    lines, headings = _lines(blocks, rows)
    shown = sum(line.standing is not None for line in lines)
    count = sum(len(block.groups) for block in blocks)
    keys = [] if _is_split(run) else _keys(run)
    first = blocks[0]
    named = any(group.variant for block in blocks for group in block.groups)
    columns = [
        _rank_column(lines),
        source_column("", [TIED if line.standing and line.standing.tied else "" for line in lines], kind="l"),
        *([_name_column(lines)] if named else []),
        *(_setting_column(key, [line.setting(key) for line in lines]) for key in keys),
        source_column("$n$", [str(line.summary(first.metric).n) for line in lines]),
        *_count_columns(lines),
        *(_score_column(name, lines, first) for name in first.metrics),
    ]
    return Table(
        caption=_caption(run, first, count),
        label=label,
        columns=columns,
        notes=_notes(blocks, lines, shown, count),
        headings=headings,
        spans={} if named else _spans(lines, keys),
    )


def _lines(blocks: Sequence[Block], rows: int) -> tuple[list[_Line], dict[int, str]]:
    """Return the rows of a table, block by block, and the headings and rules before them."""
    each = max(3, rows // len(blocks))
    lines: list[_Line] = []
    headings: dict[int, str] = {}
    for block in blocks:
        headings |= {len(lines): block.title} if block.title else {}
        ended = [one for one in block.found.settings if one.rank is not None or one.summary.lost]
        lines += [_Line(block, standing=one) for one in ended[:each]]
        baselines = [_Line(block, baseline=one) for one in block.baselines[:MOST_BASELINES]]
        headings |= {len(lines): ""} if baselines else {}
        lines += baselines
    return lines, headings


def _spans(lines: Sequence[_Line], keys: Sequence[str]) -> dict[int, tuple[int, str]]:
    """Return the names of baselines, in place of their rank, mark and settings of training."""
    covered = 2 + sum(not key.startswith("decode.") for key in keys)
    return {number: (covered, UNTRAINED) for number, line in enumerate(lines) if line.baseline is not None}


def _keys(run: PaperRun) -> list[str]:
    """Return the settings that vary among comparable configurations."""
    return [key for key in shown_keys(run) if key not in APART]


def _is_split(run: PaperRun) -> bool:
    """Return whether the settings get a table of their own, because the configurations have names."""
    named = {group.variant for group in run.study.groups if group.variant}
    return len(named) == len(run.study.groups) and len(_keys(run)) > MOST_SETTINGS


def _rank_column(lines: Sequence[_Line]) -> Column:
    ranks = [str(line.standing.rank or "--") if line.standing else "" for line in lines]
    return source_column("", ranks)


def _name_column(lines: Sequence[_Line]) -> Column:
    """Return a column with the names of variants and baselines; those of several baselines name the decoding."""
    texts = [line.standing.group.variant or "" if line.standing else UNTRAINED for line in lines]
    column = text_column("configuration", texts)
    cells = [_baseline_name(line) if line.baseline else cell for line, cell in zip(lines, column.cells, strict=True)]
    return replace(column, cells=cells)


def _baseline_name(line: _Line) -> str:
    decodings = [baseline.decoding for baseline in line.block.baselines]
    keys = informative_keys(decodings) if len(decodings) > 1 else []
    return ", ".join(filter(None, [UNTRAINED, settings_phrase({key: line.setting(key) for key in keys})]))


def _setting_column(key: str, values: Sequence[Scalar]) -> Column:
    texts = any(isinstance(value, str) for value in values)
    if texts and max(len(str(value)) for value in values) > 12:
        words = ["--" if value is None else str(value) for value in values]
        return text_column(field_name(key), words, group=group_name(key))
    return source_column(
        field_name(key), [value_text(value) for value in values], group=group_name(key), kind="l" if texts else "r"
    )


def _count_columns(lines: Sequence[_Line]) -> list[Column]:
    """Return a column with the number of lost seeds, if there are any."""
    lost = [line.standing.summary.lost if line.standing else 0 for line in lines]
    return [source_column("lost", [str(count or "") for count in lost])] if any(lost) else []


def _score_column(name: str, lines: Sequence[_Line], first: Block) -> Column:
    summaries = [line.summary(name) for line in lines]
    return score_column(
        metric_name(name), [one.mean for one in summaries], [half_width(one) for one in summaries], first.digits[name]
    )


def _caption(run: PaperRun, first: Block, count: int) -> str:
    settings = first.groups[0].settings
    base = "" if "base" in first.apart else f", base {breakable(settings['base'])}"
    return (
        f"Scores of {counted(count, 'configuration')} of the run {breakable(run.name)} on the development split, "
        f"ranked by {metric_name(first.metric)} (task {plain(settings['task'])}{base})."
    )


def _notes(blocks: Sequence[Block], lines: Sequence[_Line], shown: int, count: int) -> list[str]:
    notes = []
    if any(half_width(line.summary(line.block.metric)) is not None for line in lines):
        notes.append(
            r"Means over $n$ seeds; $\pm$ is the half-width of the 95\,\% interval of the mean (Student's $t$)."
        )
    else:
        notes.append(
            "One seed: there are no intervals, and no configuration is marked, since any difference may be luck."
        )
    if any(line.standing and line.standing.tied for line in lines):
        notes.append(
            rf"{TIED}~cannot be told from the best: no other configuration beats it in a paired one-sided $t$ test at "
            r"0.05 divided by the number of rivals. The truly best one is marked with a probability of at least 95\,\%."
        )
    if any(line.baseline for line in lines):
        same = "with the same decoding and seeds" if any(line.setting("decode.max_new_tokens") for line in lines) else (
            "with the same seeds")  # fmt: skip
        notes.append(f"The base model without training is scored {same}.")
    if "chrf_new" in blocks[0].metrics:
        names = metric_name("chrf"), metric_name("chrf_new")
        notes.append(f"{names[0]} is that of whole texts, prompt included; {names[1]} is that of the generated lines.")
    if any(line.standing and line.standing.summary.lost for line in lines):
        notes.append("Seeds that diverged or failed are counted as lost; the means are those of the others.")
    return [*notes, *_hidden(blocks, shown, count)]


def _hidden(blocks: Sequence[Block], shown: int, count: int) -> list[str]:
    """Return a note on the configurations and baselines that the table leaves out."""
    every = [one for block in blocks for one in block.found.settings]
    unfinished = sum(one.rank is None and not one.summary.lost for one in every)
    lower = count - shown - unfinished
    baselines = sum(max(0, len(block.baselines) - MOST_BASELINES) for block in blocks)
    parts = [
        f"{counted(lower, 'configuration')} with lower ranks" if lower else "",
        f"{counted(baselines, 'baseline')} with lower scores" if baselines else "",
        f"{counted(unfinished, 'configuration')} that did not run to the end" if unfinished else "",
    ]
    return [f"Not shown: {listed(list(filter(None, parts)))}."] if any(parts) else []


def _settings_table(run: PaperRun, blocks: Sequence[Block], rows: int) -> Table:
    """Return the settings of configurations that have names, in the order of the table of scores."""
    groups = [group for block in blocks for group in block.groups][:rows]
    columns: list[Column] = [text_column("configuration", [str(group.variant) for group in groups])]
    columns += [_setting_column(key, [group.settings.get(key) for group in groups]) for key in _keys(run)]
    return Table(
        caption=f"Settings in which the configurations of the run {breakable(run.name)} differ; a dash means off.",
        label=f"tab:{run.name}-settings",
        columns=columns,
        notes=[],
    )
