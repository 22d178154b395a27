"""`sweep plot`: a chart of a run as a file."""

from pathlib import Path

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option
from sweep.errors import UsageError

TAKES = {  # which of --x, --y and --by a chart takes
    **dict.fromkeys(("scores", "effects", "methods", "parallel"), ("y",)),
    "curves": ("y", "by"),
    **dict.fromkeys(("slice", "cost"), ("x", "y")),
    **dict.fromkeys(("rungs", "timeline"), ()),
}
KINDS = """\b
scores     each configuration with its interval, baseline and luck line
effects    what each value of each setting does
methods    what LoRA, SMART, SOAP and decoding add
curves     learning curves, coloured by a setting
slice      the score over the values of one setting (--x)
parallel   parallel coordinates
cost       score against seconds, weights trained or memory (--x)
rungs      what early stopping did, or would have done
timeline   when each trial ran"""


@click.command(cls=Command)
@click.argument("run")
@click.argument("kind")
@option(
    OUTPUT,
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write: .pdf, .svg, .png, .json (Vega-Lite) or .csv (the figures). Default: RUN-KIND.svg.",
)
@option(OUTPUT, "--x", metavar="NAME", help="The setting of `slice`, or the kind of cost of `cost`.")
@option(OUTPUT, "--y", metavar="METRIC", help="The score to draw. Default: the one that rows are ranked by.")
@option(OUTPUT, "--by", metavar="SETTING", help="The setting that colours the lines of `curves`.")
@option(OUTPUT, "--width", type=click.IntRange(50), metavar="PIXELS", help="Width of the plot, without its axes.")
@option(OUTPUT, "--height", type=click.IntRange(30), metavar="PIXELS", help="Height of the plot, without its axes.")
@option(OUTPUT, "--no-title", is_flag=True, help="Leave the title out, for a figure with a caption.")
@out_option
def plot(
    run: str,
    kind: str,
    path: Path | None,
    x: str | None,
    y: str | None,
    by: str | None,
    width: int | None,
    height: int | None,
    no_title: bool,
    out: Path,
) -> None:
    from sweep.charts.extra import require_plots
    from sweep.store.locate import find_run

    require_plots("sweep plot")
    folder = find_run(out, run)
    from sweep.charts.palette import LIGHT
    from sweep.charts.registry import find_chart
    from sweep.charts.save import save
    from sweep.charts.source import Options, open_source

    draw = find_chart(kind)
    for name, value in (("x", x), ("y", y), ("by", by)):
        if value is not None and name not in TAKES[kind]:
            raise UsageError(f"--{name}: the chart {kind} does not take it")
    figure = draw(open_source(folder), Options(x=x, y=y, by=by), LIGHT)
    target = path or Path(f"{folder.name}-{kind}.svg")
    save(figure, target, width=width, height=height, title=not no_title)
    click.echo(f"{target}: {figure.title}. {figure.sentence}")


plot.help = f"""Draw a chart of RUN. KIND is one of

{KINDS}

The same charts are in `sweep report --html` and, in Python, in `run.plot`. Needs the extra `plots`."""
