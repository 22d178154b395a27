"""Say how to install what charts need, where it is missing."""

import importlib.util

from sweep.errors import UsageError

PACKAGES = ("altair", "vl_convert", "jinja2")


def has_plots() -> bool:
    """Return whether the packages that draw charts are installed."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def require_plots(what: str) -> None:
    """Raise UsageError if a package that `what` needs is not installed."""
    if not has_plots():
        raise UsageError(f"{what} needs the packages that draw charts: pip install 'explora-sweep[plots]'")
