"""Say how to install what charts need, where it is missing."""

import importlib.util

from sweep.errors import UsageError

PACKAGES = ("altair", "vl_convert", "jinja2")


def require_plots(what: str) -> None:
    """Raise UsageError if a package that `what` needs is not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"{what} needs the packages that draw charts: pip install 'explora-sweep[plots]'")
