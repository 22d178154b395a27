"""Data of the task classification: texts with a class each."""

from model.data_settings import DataSettings
from model.tasks.data.own import OwnData
from model.tasks.data.sources import ASSETS

ROLES = ("text", "label")


def find(data: str | None, settings: DataSettings | None = None) -> OwnData:
    """Return the files of `data` (None = the shipped reviews). Raise DataError if they are not found."""
    return OwnData(data or str(ASSETS / "sentiment" / "reviews"), ROLES, settings or DataSettings())
