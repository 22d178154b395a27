"""`sweep best`, `export` and `generate`: use the trained models of a run."""

from pathlib import Path

import click

from sweep.cli.group import Command, agreed
from sweep.cli.options import OUTPUT, WHAT, option, out_option
from sweep.errors import UsageError
from sweep.export.registry import FORMATS, RUN_FORMATS
from sweep.tracking.registry import TRACKERS

OF_RUNS = {
    **{name: one.summary for name, one in RUN_FORMATS.items()},
    **{name: one.summary for name, one in TRACKERS.items()},
}  # formats of whole runs, with what they are

run_argument = click.argument("run")
point_argument = click.argument("point", required=False)


@click.command(cls=Command)
@click.argument("run", required=False)
@out_option
def best(run: str | None, out: Path) -> None:
    """Show the scores and settings of the best point of RUN (default: the latest run), and how to use its model.

    The best point is the first row of the leaderboard. `sweep report` says whether it is better than the others by more
    than luck.
    """
    from sweep.export.best import best_text
    from sweep.store.locate import find_run_or_latest

    click.echo(best_text(find_run_or_latest(out, run)))


@click.command(cls=Command)
@run_argument
@point_argument
@option(
    OUTPUT, "--to", type=click.Path(path_type=Path), required=True, help="New or empty folder, or for optuna, a file."
)
@option(
    WHAT,
    "--format",
    "form",
    type=click.Choice([*FORMATS, *OF_RUNS]),
    default="hf",
    show_default=True,
    help="Formats of the model: "
    + "; ".join(f"{name}: {one.summary}" for name, one in FORMATS.items())
    + ". Formats of the whole run: "
    + "; ".join(f"{name}: {summary}" for name, summary in OF_RUNS.items())
    + ".",
)
@option(OUTPUT, "--push", "repository", metavar="OWNER/NAME", help="Also upload the folder to the Hugging Face hub.")
@option(OUTPUT, "--public", is_flag=True, help="Make a repository that --push creates public. Default: private.")
@option(OUTPUT, "-y", "--yes", is_flag=True, help="Upload without asking for confirmation.")
@out_option
def export(
    run: str,
    point: str | None,
    to: Path,
    form: str,
    repository: str | None,
    public: bool,
    yes: bool,
    out: Path,
) -> None:
    """Export a trained model of RUN, or the whole run, for use in other programs.

    POINT is a point_id from `sweep report --rows`, or its first characters; the default is the best point. The folder
    gets the weights (safetensors or GGUF, never pickled code), the tokenizer, the generation settings, and a model card
    that states the base, the data, the scores, and how the point was chosen.

    \b
    sweep export lora_rank --to my-model
    sweep export lora_rank 3fa9 --to my-adapter --format peft
    sweep export lora_rank --to events --format tensorboard
    """
    from sweep.export.push import check_repository, push
    from sweep.export.write import export_model, export_run
    from sweep.store.locate import find_run

    if form not in FORMATS:
        if point is not None or repository is not None:
            raise UsageError(f"--format {form} exports the whole run: leave out POINT and --push")
        click.echo(f"{to}: {export_run(find_run(out, run), to, form)}")
        return
    if repository is not None:
        check_repository(repository)
    trained = export_model(find_run(out, run), point, to, form)
    click.echo(f"{to}: point {trained.point.point_id} of {trained.folder.name}, {FORMATS[form].summary}")
    if repository is not None and agreed(f"upload {to} to {repository}?", yes):
        click.echo(push(to, repository, public=public))


@click.command(cls=Command)
@run_argument
@point_argument
@option(
    WHAT,
    "--input",
    "source",
    type=click.Path(path_type=Path),
    required=True,
    help="File with the texts: CSV, TSV, JSON Lines, Parquet, or plain text (one text per paragraph or line).",
)
@option(
    OUTPUT,
    "-o",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write; its name must end in .csv, .jsonl or .parquet.",
)
@option(
    OUTPUT,
    "--course",
    is_flag=True,
    help="Write the submission file of the course CS224N, whatever -o ends in. For sonnets, --input is the course's "
    "file of held-out sonnets.",
)
@option(
    WHAT,
    "--set",
    "settings",
    metavar="data.KEY=VALUE",
    multiple=True,
    help="Column to read, such as data.text=COLUMN. Default: the column that the run read, or one with a common name. "
    "Repeatable.",
)
@option(WHAT, "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the sampled tokens.")
@out_option
def predict(
    run: str,
    point: str | None,
    source: Path,
    target: Path,
    course: bool,
    settings: tuple[str, ...],
    seed: int,
    out: Path,
) -> None:
    """Apply a trained model of RUN to each row of a file: the model of POINT, or by default of the best point.

    If the task has classes, write the predicted class and its probability; if it generates text, write a continuation
    of each prompt. Rows are read, predicted and written in batches, so the file may be larger than memory.

    \b
    sweep predict sentiment --input reviews.csv -o predicted.csv
    sweep predict lora_rank --input sonnets_held_out.txt -o generated_sonnets.txt --course
    """
    from sweep.export.prediction import predict_file
    from sweep.export.trained import load_trained
    from sweep.planning.overrides import parse_data_settings
    from sweep.store.locate import find_run

    columns, trained = parse_data_settings(settings), load_trained(find_run(out, run), point)
    count = predict_file(trained, source, target, course=course, settings=columns, seed=seed)
    click.echo(f"{target}: {count:,} prediction{'s' if count != 1 else ''}")


@click.command(cls=Command)
@run_argument
@point_argument
@option(
    WHAT,
    "--prompt",
    "prompts",
    multiple=True,
    required=True,
    help="Prompt to continue, or a text file with one prompt per line. Repeatable.",
)
@option(WHAT, "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the sampled tokens.")
@out_option
def generate(run: str, point: str | None, prompts: tuple[str, ...], seed: int, out: Path) -> None:
    """Continue prompts with a trained model of RUN: the model of POINT, or by default of the best point.

    The decoding settings are those of the point. Each continuation is printed after its prompt, with an empty line
    between the texts.
    """
    from sweep.export.generation import continued, read_prompts
    from sweep.store.locate import find_run

    for number, text in enumerate(continued(find_run(out, run), point, read_prompts(prompts), seed)):
        click.echo(f"\n{text}" if number else text)
