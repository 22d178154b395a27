"""Hints for what people type and mean something else."""

from collections.abc import Sequence

from sweep.planning.aliases import ALIASES
from sweep.planning.flat import decode_keys, train_keys


def set_instead(option: str, arguments: Sequence[str]) -> str | None:
    """Return how to write `option`, one of the `arguments`, with --set: `--epochs 3` is `--set epochs=3`.

    None if it names no setting.
    """
    keys = [*train_keys(), *decode_keys()]
    name = option.lstrip("-").replace("-", "_")
    found = [key for key in (name, ALIASES.get(name)) if key in keys] or [
        key for key in keys if key.rpartition(".")[2] == name
    ]
    if not found:
        return None
    place = next(number for number, one in enumerate(arguments) if one.partition("=")[0] == option)
    value = arguments[place].partition("=")[2] or next(iter(arguments[place + 1 : place + 2]), "")
    return f"--set {found[0]}={value if value and not value.startswith('--') else 'VALUE'}"
