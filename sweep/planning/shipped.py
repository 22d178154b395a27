"""Folders of the data that ships with this package: the paper's spaces and its tables of scores."""

from importlib.resources import files
from pathlib import Path

INSTALLED = Path(str(files("sweep"))) / "shipped"  # the place in a wheel; see pyproject.toml
CHECKOUT = Path(__file__).parents[2]  # the place in a checkout


def shipped_spaces() -> Path:
    """Return the folder of the space files."""
    return _first(INSTALLED / "spaces", CHECKOUT / "spaces")


def published_scores() -> Path:
    """Return the folder of the paper's tables, one CSV file for each space that has one."""
    return _first(INSTALLED / "published", CHECKOUT / "results" / "published")


def _first(installed: Path, checkout: Path) -> Path:
    return installed if installed.is_dir() else checkout
