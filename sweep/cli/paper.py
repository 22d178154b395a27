"""`sweep paper`: the parts of a paper on runs."""

from pathlib import Path

import click

from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, WHAT, option, out_option


@click.command(cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@option(
    OUTPUT,
    "--to",
    type=click.Path(path_type=Path),
    required=True,
    help="New or empty folder to write to, or one that this command wrote before.",
)
@option(WHAT, "--metric", metavar="NAME", help="Rank by this metric of the task, or dev_loss. Default: the runs' own.")
@option(
    WHAT,
    "--paper",
    "published",
    type=click.Choice(["explora"]),
    help="Also show the tables of this published paper beside your scores, and judge its claims.",
)
@option(
    OUTPUT,
    "--top",
    "rows",
    type=click.IntRange(3),
    metavar="N",
    help="List at most N configurations in a table. Default: 32, which fit on a page.",
)
@option(OUTPUT, "--force", is_flag=True, help="Write even to a folder that holds other files; those stay.")
@out_option
def paper(
    runs: tuple[str, ...], to: Path, metric: str | None, published: str | None, rows: int | None, force: bool, out: Path
) -> None:
    """Write the parts of a paper on RUNs as LaTeX: tables, methods, numbers, references, answers to checklists.

    main.tex compiles to a document with all of them; you can also include single parts in your own. Every number in
    the text is a macro in numbers.tex, with a comment that names the points it comes from. Everything comes from what
    the runs recorded. Files that the command wrote before are replaced, so copy what you want to edit.

    \b
    sweep paper lora_rank --to paper
    sweep paper combinations lora_rank paraphrase --paper explora --to paper
    """
    from sweep.paper.folder import check_folder
    from sweep.paper.source import load_runs
    from sweep.paper.write import write_paper
    from sweep.store.locate import find_run

    check_folder(to, force)
    found = load_runs([find_run(out, run) for run in runs], metric)
    written = write_paper(found, to, rows=rows, published=published, force=force)
    for line in written.lines:
        click.echo(line)
