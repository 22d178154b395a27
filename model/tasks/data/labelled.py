"""Data sets of labelled texts: the files of each split and their usable rows."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.sources import files_sha256
from model.tasks.data.tables import Columns, Example, read_examples

log = logging.getLogger(__name__)


class LabelledRows(Protocol):
    """What a task reads of labelled texts."""

    @property
    def files(self) -> Mapping[str, Path]: ...

    def digest(self) -> str: ...

    def rows(self, split: str) -> Iterator[Example | None]:
        """Yield every row of a split, or None if it is unusable. Raise DataError."""

    def text(self, *texts: str) -> str:
        """Return the texts of one example as the model reads them."""


@dataclass(frozen=True)
class LabelledData:
    """The file of each split, and how to read it."""

    files: Mapping[str, Path]
    columns: Columns
    classes: int | None = None  # number of classes, if known in advance

    def sha256(self) -> str:
        """Return the hash of all files, and log how many rows are skipped. Raise DataError if a file cannot be used."""
        for split, file in self.files.items():
            rows = list(map(bool, self.rows(split)))
            if 0 < sum(rows) < len(rows):  # a split without any label is unlabelled on purpose
                log.warning("%s: %d rows without a label or a text are left out", file, len(rows) - sum(rows))
        return self.digest()

    def digest(self) -> str:
        """Return the hash of all files. Raise DataError."""
        return files_sha256(self.files)

    def size(self, split: str) -> int:
        """Return the number of usable examples in a split. Raise DataError."""
        return sum(row is not None for row in self.rows(split))

    def labels(self, split: str) -> list[int]:
        """Return the labels of all usable examples in a split. Raise DataError."""
        return [row.label for row in self.rows(split) if row is not None]

    def text(self, *texts: str) -> str:
        """Return the texts of one example as the model reads them."""
        raise NotImplementedError

    def inputs(self, split: str) -> Iterator[str]:
        """Yield the text of each usable example in a split, as the model reads it. Raise DataError."""
        return (self.text(*row.texts) for row in self.rows(split) if row is not None)

    def check_room(self, tokenizer: Tokenizer, positions: int) -> None:
        """Raise DataError if no example can fit in `positions` tokens."""

    def rows(self, split: str) -> Iterator[Example | None]:
        """Yield every row, or None if it is unusable. Raise DataError, also if no row of train or dev is usable."""
        usable = 0
        if split in self.files:
            for row in read_examples(self.files[split], self.columns, self.classes):
                usable += row is not None
                yield row
        if not usable and split != "test":
            raise DataError(
                f"{self.files[split]} has no row with a label and a text; the {split} split needs labelled examples, "
                f"with the labels in a column {' or '.join(self.columns.label)}"
            )
