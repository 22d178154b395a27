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
from sweep.reporting.tables import footnotes, heading
from sweep.reporting.verdicts.conclusion import conclusion
from sweep.reporting.verdicts.evidence import evidence
from sweep.reporting.verdicts.follow_up_text import follow_up_lines
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
    conclusion: Sequence[str]
    notes: Sequence[str]
    checks: Sequence[str]  # a line each, problems first
    scores: Section
    tables: Sequence[PageTable]
    sections: Sequence[Section]
    texts: Texts | None
    facts: Sequence[tuple[str, str]]


def run_page(source: Source) -> RunPage:
    """Return what the page says of a run. Raise RunError if the run has no row."""
    study = source.study
    several_seeds = len({row["seed"] for row in source.rows}) > 1
    return RunPage(
        name=source.folder.name,
        heading=heading(source.folder, source.rows),
        conclusion=[*follow_up_lines(source.folder.spec, source.state, source.rows), *conclusion(study)],
        notes=footnotes(source.folder, source.rows),
        checks=health_lines(health(study, evidence(source.folder, source.state))),
        scores=_scores(source),
        tables=[configurations(study), every_row(study)] if several_seeds else [every_row(study)],
        sections=[
            _section("effects", "What each setting does", [_draw(source, "effects"), _draw(source, "methods")]),
            _section("curves", "Learning curves", [_draw(source, "curves")]),
            _section("slices", "One setting at a time", [_draw(source, "slice", x=axis) for axis in _axes(source)]),
            _section("parallel", "All settings at once", [_draw(source, "parallel")]),
            _section("cost", "Score against cost", [_draw(source, "cost", x=column) for column in COSTS]),
            _section("rungs", "Early stopping", [_draw(source, "rungs")]),
            _section("timeline", "Timeline", [_draw(source, "timeline")]),
        ],
        texts=texts(source),
        facts=facts(source),
    )


def _axes(source: Source) -> list[str]:
    return source.axes[:MOST_SLICES]


def _scores(source: Source) -> Section:
    """Return the chart of scores of each set of comparable rows, up to MOST_SETS of them."""
    places = range(min(MOST_SETS, len(source.study.sets)))
    draws = [_draw(replace(source, place=place), "scores") for place in places]
    found = _section("scores", "Scores", draws)
    named = [replace(figure, name=f"{figure.name}-{place}") for place, figure in enumerate(found.figures)]
    return replace(found, figures=named)


def _draw(source: Source, kind: str, **options: str) -> Callable[[], Figure]:
    return lambda: CHARTS[kind](source, Options(**options), PAGE)


def _section(name: str, title: str, draws: Sequence[Callable[[], Figure]]) -> Section:
    figures, missing = [], []
    for draw in draws:
        try:
            figures.append(draw())
        except RunError as error:
            missing.append(str(error))
    return Section(name=name, title=title, figures=figures, missing=missing)
