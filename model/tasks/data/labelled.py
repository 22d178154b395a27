"""Labelled texts: the files of a set by split, and its usable rows."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from model.errors import DataError
from model.tasks.data.sources import files_sha256
from model.tasks.data.tables import Columns, Example, read_examples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledData:
    """The files of a set by split, and how to read them."""

    files: Mapping[str, Path]
    columns: Columns
    classes: int | None = None  # where known beforehand

    def sha256(self) -> str:
        """Hash of all files; warns of rows that are left out. Raises DataError where a file cannot be used."""
        for split, file in self.files.items():
            rows = list(map(bool, self.rows(split)))
            if 0 < sum(rows) < len(rows):  # a split without any label is meant to have none
                log.warning("%s: %d rows without a label or a text are left out", file, len(rows) - sum(rows))
        return files_sha256(self.files)

    def size(self, split: str) -> int:
        """Usable examples of a split. Raises DataError."""
        return sum(row is not None for row in self.rows(split))

    def labels(self, split: str) -> list[int]:
        """Of the usable examples of a split. Raises DataError."""
        return [row.label for row in self.rows(split) if row is not None]

    def rows(self, split: str) -> Iterator[Example | None]:
        """Every row, None for an unusable one. Raises DataError, also where none is usable but in the test split."""
        usable = 0
        if split in self.files:
            for row in read_examples(self.files[split], self.columns, self.classes):
                usable += row is not None
                yield row
        if not usable and split != "test":
            raise DataError(
                f"{self.files[split]} has no row with a label and a text; the {split} split needs labelled examples"
            )
