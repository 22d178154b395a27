"""`sweep effects`: what each setting of a run does."""

from pathlib import Path

import click

from sweep.cli.compare import alpha_option, format_option, metric_option
from sweep.cli.group import Command
from sweep.cli.options import out_option


@click.command(cls=Command)
@click.argument("run", required=False)
@metric_option
@alpha_option
@out_option
@format_option
def effects(run: str | None, metric: str | None, alpha: float, out: Path, form: str) -> None:
    """Say which settings of RUN matter, by default of the latest run.

    On a grid: the share of the variance that each setting and each pair of settings explains (type II analysis of
    variance with seeds as blocks), and the effect of each value with its interval. With one seed: shares only. With
    --search random or tpe: the importance of each setting (PED-ANOVA), and the largest importance to expect from noise
    alone. For LoRA, SMART, SOAP and decoding: what each contributes on top of the others, and whether their gains are
    additive.
    """
    from sweep.reporting.leaderboard import load_rows
    from sweep.reporting.verdicts.effects_text import effects_text
    from sweep.reporting.verdicts.run_effects import run_effects
    from sweep.store.locate import find_run_or_latest

    folder = find_run_or_latest(out, run)
    found = run_effects(folder, load_rows(folder), metric, alpha)
    click.echo(effects_text(found.effects, found.additions, found.interactions, form))
