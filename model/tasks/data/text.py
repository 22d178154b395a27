"""Data of the task text: documents to model the language of. A plain file holds one per paragraph."""

from model.data_settings import DataSettings
from model.tasks.data.own import OwnData
from model.tasks.data.shipped import ShippedSonnets

ROLES = ("text",)
BLOCK_BYTES = 1000  # text of about one sequence: 256 tokens of `tiny`


class TextData(OwnData):
    """Documents."""

    def size(self, split: str) -> int:
        """Return about how many sequences a split is packed into. Their number depends on the base. Raise DataError."""
        return -(-sum(len(text.encode()) for (text,) in self.dataset.splits[split].texts) // BLOCK_BYTES)


class Sonnets(ShippedSonnets, TextData):
    """The shipped sonnets."""

    texts = staticmethod(lambda sonnet: (sonnet.text,))


def find(data: str | None, settings: DataSettings | None = None) -> TextData:
    """Return the files of `data` (None = the shipped sonnets). Raise DataError if they are not found."""
    if data is None:
        return Sonnets("sonnets", ROLES, DataSettings())
    return TextData(data, ROLES, settings or DataSettings())
