"""Hyperparameter search for fine-tuning GPT-2: a search space goes in, a leaderboard comes out.

The public names load on first use, so that `import sweep` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweep.api import Run as Run
    from sweep.api import list_runs as list_runs
    from sweep.api import list_spaces as list_spaces
    from sweep.api import open_run as open_run
    from sweep.api import run as run
    from sweep.planning.axes import choice as choice
    from sweep.planning.axes import grid as grid
    from sweep.planning.axes import loguniform as loguniform
    from sweep.planning.axes import quniform as quniform
    from sweep.planning.axes import randint as randint
    from sweep.planning.axes import uniform as uniform
    from sweep.planning.space import Space as Space

    __version__: str

_HOME = {  # public name -> the module that defines it
    "Run": "sweep.api",
    "Space": "sweep.planning.space",
    "choice": "sweep.planning.axes",
    "grid": "sweep.planning.axes",
    "list_runs": "sweep.api",
    "list_spaces": "sweep.api",
    "loguniform": "sweep.planning.axes",
    "open_run": "sweep.api",
    "quniform": "sweep.planning.axes",
    "randint": "sweep.planning.axes",
    "run": "sweep.api",
    "uniform": "sweep.planning.axes",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("explora-sweep")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*_HOME, "__version__"]
