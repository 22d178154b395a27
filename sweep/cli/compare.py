"""`sweep compare`: verdicts on pairs of settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option, together

if TYPE_CHECKING:
    from model.settings import Scalar
    from sweep.reporting.verdicts.scored import ScoreTable

WHAT = "What to compare"

metric_option = option(WHAT, "--metric", metavar="NAME", help="Default: the metric that the run is ranked by.")
margin_option = option(
    WHAT,
    "--margin",
    type=click.FloatRange(0, min_open=True),
    metavar="D",
    help="Call two sides equal if the data show that they differ by less than D, in the metric's unit.",
)
alpha_option = option(
    WHAT,
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.05,
    show_default=True,
    metavar="P",
    help="Largest probability of declaring any difference that does not exist.",
)
format_option = option(
    OUTPUT,
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv", "md"]),
    default="text",
    show_default=True,
    help="Output format; json and csv hold every figure.",
)
comparison_options = together(metric_option, margin_option, alpha_option)


@click.command(cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="RUN...|FILE")
@option(
    WHAT,
    "--by",
    metavar='KEY|"A vs B"',
    help="variant, run, a setting such as lora.rank, or two sides such as "
    '"lora.rank=2 vs lora.rank=64". Default: the variants, or the only setting that varies.',
)
@option(
    WHAT,
    "--against",
    metavar="SIDE",
    help="Compare each side only with SIDE (a variant, a run, or a value of --by), not with all others: fewer "
    "comparisons detect smaller effects. Default: all pairs.",
)
@comparison_options
@option(
    WHAT,
    "--tuned",
    is_flag=True,
    help="Compare the best configuration of each side: chosen on the first third of the seeds, judged on the others.",
)
@option(
    WHAT,
    "--examples",
    is_flag=True,
    help="Also say how much of each difference the choice of dev examples explains. This says nothing about training.",
)
@option(WHAT, "--seed-column", metavar="NAME", help="Column with the seed, in a FILE that this tool did not write.")
@out_option
@format_option
def compare(
    sources: tuple[str, ...],
    by: str | None,
    against: str | None,
    metric: str | None,
    margin: float | None,
    alpha: float,
    tuned: bool,
    examples: bool,
    seed_column: str | None,
    out: Path,
    form: str,
) -> None:
    """Say which configuration is better, by how much, and with what certainty.

    Give one RUN; several RUNs, which are compared with each other if task, base, data and epochs agree; or a FILE: a
    CSV or Parquet table with columns for settings, seed and metric.

    Scores are paired by seed. Each verdict is one word: better, worse, equal (with --margin), undecided or identical.
    It is based on Student's paired t test, with Holm's correction for all comparisons printed. With one seed nothing
    is called better. If a side covers several configurations, its score is the mean over those that have a counterpart
    on the other side.

    \b
    sweep compare my_run --by variant
    sweep compare combinations --against "Vanilla fine-tuning (baseline)"
    sweep compare lora_rank --by "lora.rank=2 vs lora.rank=64" --metric dev_loss
    sweep compare results.csv --by method --metric accuracy
    """
    from sweep.reporting.verdicts import sides as sides_
    from sweep.reporting.verdicts.comparison_text import comparison_text
    from sweep.statistics.verdict import judge

    table = load_scores(sources, out, metric, seed_column)
    found = sides_.sides_of(table, by)
    if tuned:
        found = sides_.tuned(found, table.larger_is_better)
    pairs = sides_.pairs_of(found, against)
    verdicts = judge(sides_.comparisons(pairs), larger_is_better=table.larger_is_better, alpha=alpha, margin=margin)
    click.echo(comparison_text(table, found, verdicts, alpha, form))
    if examples:
        from sweep.reporting.verdicts.example_lines import example_lines

        lines = example_lines(table, pairs, load_samples(sources, out))
        click.echo("\n".join(["", *lines]), err=form in ("json", "csv"))


def load_scores(sources: Sequence[str], out: Path, metric: str | None, seed_column: str | None) -> "ScoreTable":
    """Return the scores of one table file, or of runs. Raise RunError if they cannot be read or compared."""
    from sweep.errors import RunError
    from sweep.reporting.leaderboard import load_rows
    from sweep.reporting.verdicts.scored import from_file, from_rows
    from sweep.store.locate import find_run

    files = [source for source in sources if Path(source).is_file()]
    if files and len(sources) > 1:
        raise RunError(f"compare one table at a time, or several runs; {files[0]} is a table")
    if files:
        return from_file(Path(files[0]), metric, seed_column)
    return from_rows([row for source in sources for row in load_rows(find_run(out, source))], metric)


def load_samples(sources: Sequence[str], out: Path) -> "dict[str, Sequence[Mapping[str, Scalar]]]":
    """Return the samples of every scored point of the runs in `sources`, by point_id."""
    from sweep.reporting.leaderboard import samples_of
    from sweep.store.locate import find_run
    from sweep.store.state import full_plan, load_state

    found: dict[str, Sequence[Mapping[str, Scalar]]] = {}
    for source in sources:
        if not Path(source).is_file():
            folder = find_run(out, source)
            state = load_state(folder)
            found |= {point.point_id: samples_of(state, point) for point in full_plan(folder.spec, state).points}
    return found
