"""What a page says of one run, section by section."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sweep.charts.cost import COSTS
from sweep.charts.figure import Figure
from sweep.charts.palette import PAGE
from sweep.charts.registry import CHARTS
from sweep.charts.source import Options, Source
from sweep.errors import RunError
from sweep.page.facts import facts
from sweep.page.table import PageTable, configurations, every_row
from sweep.page.texts import Texts, texts
from sweep.reporting.leaderboard import metrics_of
from sweep.reporting.metric_notes import metric_notes
from sweep.reporting.tables import constants_line, footnotes, heading
from sweep.reporting.verdicts.evidence import evidence
from sweep.reporting.verdicts.follow_up_text import run_conclusions
from sweep.reporting.verdicts.health import health, health_lines

MOST_SETS = 4  # sets of comparable rows that get a chart of their scores
MOST_SLICES = 8


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with charts, or the reasons why there are none."""

    name: str
    title: str
    figures: Sequence[Figure]
    missing: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """Everything that a page says of a run."""

    name: str
    heading: str
    about: str  # what the space asks
    constants: str
    metrics: Sequence[str]
    conclusion: Sequence[str]
    notes: Sequence[str]
    checks: Sequence[str]  # a line each, problems first
    scores: Section
    tables: Sequence[PageTable]
    sections: Sequence[Section]
    texts: Texts | None
    timeline: Section
    facts: Sequence[tuple[str, str]]


def run_page(source: Source) -> RunPage:
    """Return what the page says of a run. Raise RunError if the run has no row."""
    study = source.study
    several_seeds = len({row["seed"] for row in source.rows}) > 1
    return RunPage(
        name=source.folder.name,
        heading=heading(source.folder, source.rows),
        about=source.folder.spec.about.strip().partition("\n")[0],
        constants=constants_line(source.rows) if source.rows else "",
        metrics=metric_notes([*(name for row in source.rows for name in metrics_of(row)), "dev_loss"]),
        conclusion=run_conclusions(source.folder.spec, source.state, study),
        notes=[*footnotes(source.folder, source.rows), *_left_out(source)],
        checks=health_lines(health(study, evidence(source.folder, source.state))),
        scores=_section("scores", "Scores", _draw_sets(source, "scores")),
        tables=[configurations(study), every_row(study)] if several_seeds else [every_row(study)],
        sections=[
            _section("effects", "What each setting does", _draw_sets(source, "effects", "methods")),
            _section("curves", "Learning curves", _draw_sets(source, "curves")),
            _section("slices", "One setting at a time", _slices(source)),
            _section("parallel", "All settings at once", _draw_sets(source, "parallel")),
            _section("cost", "Score against cost", [_draw(one, "cost", x=x) for one in _sets(source) for x in COSTS]),
            _section("rungs", "Early stopping", [_draw(source, "rungs")]),
        ],
        timeline=_section("timeline", "Timeline", [_draw(source, "timeline")]),
        texts=texts(_sets(source)),
        facts=facts(source),
    )


def _slices(source: Source) -> list[Callable[[], Figure]]:
    return [_draw(one, "slice", x=axis) for one in _sets(source) for axis in one.axes[:MOST_SLICES]]


def _left_out(source: Source) -> list[str]:
    """Return a line on the sets that get no charts; nothing if all have them."""
    count = len(source.study.sets)
    return [f"charts show the first {MOST_SETS} of {count} sets of comparable rows"] if count > MOST_SETS else []


def _sets(source: Source) -> list[Source]:
    """Return the source of each set of comparable rows, up to MOST_SETS of them."""
    return [replace(source, place=place) for place in range(min(MOST_SETS, len(source.study.sets)))]


def _draw_sets(source: Source, *kinds: str) -> list[Callable[[], Figure]]:
    """Return the charts `kinds` of each set."""
    return [_draw(one, kind) for one in _sets(source) for kind in kinds]


def _draw(source: Source, kind: str, **options: str) -> Callable[[], Figure]:
    return lambda: CHARTS[kind](source, Options(**options), PAGE)


def _section(name: str, title: str, draws: Sequence[Callable[[], Figure]]) -> Section:
    figures: list[Figure] = []
    missing: list[str] = []
    for draw in draws:
        try:
            figure = draw()
            number = sum(figure.name == one.name.partition("~")[0] for one in figures)
            figures.append(replace(figure, name=f"{figure.name}~{number}" if number else figure.name))
        except RunError as error:
            missing.append(str(error))
    missing = list(dict.fromkeys(missing))
    return Section(name=name, title=title, figures=figures, missing=missing)
