"""The figures of a paper."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.charts.extra import has_plots
from sweep.errors import RunError
from sweep.paper.source import PaperRun
from sweep.paper.texts import breakable, plain

FOLDER = "figures"  # in the folder of a paper
KINDS = ("scores", "effects", "methods", "curves")
WIDTH = 300  # of the plot, in 1/72 inch; with its labels it fits a text of 5.5 inches
HEIGHTS = {"curves": 180}  # others have a row for each entry
FONT = "Liberation Serif"  # like Times, the font of most conferences


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A PDF file in the folder of figures. `caption` is LaTeX source."""

    file: str
    caption: str
    label: str
    content: bytes


def figures_of(run: PaperRun) -> list[Figure]:
    """Return the charts of a run that a paper shows; none if the packages that draw them are not installed."""
    if not has_plots():
        return []
    return [figure for kind in KINDS if (figure := _figure(run, kind)) is not None]


def _figure(run: PaperRun, kind: str) -> Figure | None:
    """Return the chart `kind` as a PDF; None if the run has nothing that it could show."""
    from sweep.charts.palette import LIGHT
    from sweep.charts.registry import CHARTS
    from sweep.charts.save import content
    from sweep.charts.source import Options, Source

    source = Source(run.folder, run.state, run.study)
    try:
        chart = CHARTS[kind](source, Options(), LIGHT)
    except RunError:
        return None
    return Figure(
        file=f"{run.name}-{kind}.pdf",
        caption=rf"{breakable(run.name)}: {plain(chart.title)}. {plain(chart.sentence)}",
        label=f"fig:{run.name}-{kind}",
        content=content(chart, ".pdf", width=WIDTH, height=HEIGHTS.get(kind), title=False, font=FONT),
    )


def figures_tex(figures: Sequence[Figure]) -> str:
    """Return the figures as floats, as wide as the text at most."""
    return "\n\n".join(map(_float, figures))


def _float(figure: Figure) -> str:
    return "\n".join(
        [
            r"\begin{figure}[!htbp]",
            r"\centering",
            rf"\adjustbox{{max width=\linewidth}}{{\includegraphics{{{FOLDER}/{figure.file}}}}}",
            rf"\caption{{{figure.caption}}}\label{{{figure.label}}}",
            r"\end{figure}",
        ]
    )
