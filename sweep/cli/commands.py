"""The `sweep` command: its subcommands, and the defaults that `sweep.toml` sets.

Results go to stdout, progress and messages to stderr. An option's value comes from the flag, else from the environment
(SWEEP_OUT, SWEEP_BASE, ...), else from ./sweep.toml, else from the default.

Heavy imports stay inside the functions that need them, so that `--help` is instant.
"""

import gc as garbage_collector
import tomllib
from pathlib import Path
from typing import Any

import click

from sweep.cli.compare import compare
from sweep.cli.data import data
from sweep.cli.doctor import doctor
from sweep.cli.effects import effects
from sweep.cli.export import best, export, generate, predict
from sweep.cli.follow_up import confirm, settle
from sweep.cli.importing import import_study
from sweep.cli.inspect import diff, samples, show
from sweep.cli.paper import paper
from sweep.cli.plot import plot
from sweep.cli.report import report
from sweep.cli.run import resume, run
from sweep.cli.runs import gc, ls, mv, rm, status
from sweep.cli.settings import settings
from sweep.cli.spaces import spaces
from sweep.cli.watching import serve, watch

CONFIG = Path("sweep.toml")
GARBAGE = 100_000  # allocations between two collections: a report reads thousands of records, none of them cyclic


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="explora-sweep", prog_name="sweep")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Search hyperparameters for fine-tuning GPT-2.

    \b
    sweep run lora_rank     train and score every point of a search space
    sweep run lora_rank     again: continue if it is not finished; nothing is trained twice
    sweep report            print the leaderboard of the latest run
    """
    garbage_collector.set_threshold(GARBAGE)
    ctx.default_map = {name: _config() for name in main.commands}


COMMANDS = (
    *(run, resume, report, plot, compare, effects, paper, settle, confirm),
    *(show, samples, diff, watch, serve),
    *(best, export, import_study, generate, predict),
    *(status, ls, spaces, settings, data, gc, rm, mv, doctor),
)
for command in COMMANDS:
    main.add_command(command)


def _config() -> dict[str, Any]:
    """Return the defaults that ./sweep.toml sets, by option name: `out = "runs"`, `concurrency = 2`."""
    if not CONFIG.exists():
        return {}
    try:
        values = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{CONFIG}: {error}") from error
    options = [p for command in main.commands.values() for p in command.params if isinstance(p, click.Option)]
    known = {option.opts[0].removeprefix("--"): option for option in options}
    for name, value in values.items():
        if name not in known:
            raise click.UsageError(f"{CONFIG}: unknown option {name!r}. Known: {', '.join(known)}")
        _check_value(known[name], name, value)
    return {str(known[name].name): value for name, value in values.items()}


def _check_value(option: click.Option, name: str, value: Any) -> None:
    """Raise UsageError if `value`, from sweep.toml, is no value of `option`."""
    try:
        option.type_cast_value(click.get_current_context(), value)
    except click.BadParameter as error:
        raise click.UsageError(f"{CONFIG}: {name} = {value!r}: {error.message}") from error
    except TypeError as error:
        wanted = "a list of texts" if option.multiple else "a text, a number, true or false"
        raise click.UsageError(f"{CONFIG}: {name} = {value!r} must be {wanted}") from error


if __name__ == "__main__":
    main()
