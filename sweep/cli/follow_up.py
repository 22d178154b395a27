"""`sweep settle` and `sweep confirm`: runs that follow from another one."""

from pathlib import Path

import click

from sweep.cli.compare import WHAT, alpha_option, margin_option, metric_option
from sweep.cli.group import Command
from sweep.cli.options import OUTPUT, option, out_option, session_options


@click.command(cls=Command)
@click.argument("run")
@click.argument("versus", metavar='"A vs B"')
@metric_option
@margin_option
@alpha_option
@option(
    WHAT,
    "--max-seeds",
    type=click.IntRange(3),
    default=14,
    show_default=True,
    metavar="N",
    help="Give up, undecided, after N paired seeds, including those already in RUN.",
)
@option(OUTPUT, "--name", metavar="NAME", help="Name of the new run. Default: RUN-settle.")
@session_options
@out_option
def settle(
    run: str,
    versus: str,
    metric: str | None,
    margin: float | None,
    alpha: float,
    max_seeds: int,
    name: str | None,
    executor: str | None,
    concurrency: int | None,
    address: str | None,
    verbose: bool,
    log: tuple[str, ...],
    out: Path,
) -> None:
    """Add paired seeds to a comparison of two configurations of RUN until it is decided.

    A and B each select exactly one configuration: a variant, or a value for every setting that varies. Seeds that RUN
    already has are reused. The data are tested after each pair from the third on; the boundaries keep the overall error
    rate at --alpha despite the repeated tests (a group-sequential paired t test). The new run can be resumed, and the
    decision does not depend on the order in which trials finish.

    \b
    sweep settle my_run "LoRA vs full"
    sweep settle lora_rank "lora.rank=2 lora.scale=1 lora.dropout=0.05 vs lora.rank=64 lora.scale=1 lora.dropout=0.05"
    """
    from sweep.cli.session import work
    from sweep.follow_up import settle_run
    from sweep.prepare import prepare_resume
    from sweep.store.locate import find_run

    folder = settle_run(
        find_run(out, run),
        versus,
        metric=metric,
        alpha=alpha,
        max_seeds=max_seeds,
        margin=margin,
        name=name,
        address=address,
    )
    session = prepare_resume(folder, executor=executor, address=address)
    work(folder, session, folder.spec.limits, concurrency, address, verbose, log)


@click.command(cls=Command)
@click.argument("run")
@option(
    WHAT,
    "--top",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    metavar="N",
    help="Confirm the best N configurations.",
)
@option(
    WHAT,
    "--seeds",
    type=click.IntRange(2),
    default=6,
    show_default=True,
    metavar="N",
    help="Number of fresh seeds per configuration.",
)
@option(WHAT, "--again", is_flag=True, help="Confirm again with new seeds, even if it has been done before.")
@option(OUTPUT, "--name", metavar="NAME", help="Name of the new run. Default: RUN-confirm.")
@session_options
@out_option
def confirm(
    run: str,
    top: int,
    seeds: int,
    again: bool,
    name: str | None,
    executor: str | None,
    concurrency: int | None,
    address: str | None,
    verbose: bool,
    log: tuple[str, ...],
    out: Path,
) -> None:
    """Retrain the best configurations of RUN with fresh seeds, and score them on the test split.

    The best of many configurations looks better than it is. For each one, this command prints the score with which it
    was chosen, the score to expect after correcting for that choice, the dev and test scores with fresh seeds, and
    whether it beats the baseline on the test split. No other command scores the test split. RUN records each
    confirmation.
    """
    from sweep.cli.session import work
    from sweep.follow_up import confirm_run
    from sweep.prepare import prepare_resume
    from sweep.store.locate import find_run

    folder = confirm_run(find_run(out, run), top=top, seeds=seeds, again=again, name=name, address=address)
    session = prepare_resume(folder, executor=executor, address=address)
    work(folder, session, folder.spec.limits, concurrency, address, verbose, log)
