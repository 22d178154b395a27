"""Where the data lies that ships with this package: the paper's spaces and its tables of scores."""

from importlib.resources import files
from pathlib import Path

INSTALLED = Path(str(files("sweep"))) / "shipped"  # in a wheel: see pyproject.toml
CHECKOUT = Path(__file__).parents[2]  # in a checkout, where it stands at the top


def shipped_spaces() -> Path:
    """Return the folder of the space files."""
    return _first(INSTALLED / "spaces", CHECKOUT / "spaces")


def published_scores() -> Path:
    """Return the folder of the paper's tables, one CSV file for each space that has one."""
    return _first(INSTALLED / "published", CHECKOUT / "results" / "published")


def _first(installed: Path, checkout: Path) -> Path:
    return installed if installed.is_dir() else checkout
