"""A user's own data, as the tasks classification, pairs, completion and text find them."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.data_settings import DataSettings
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.dataset import Dataset, load_dataset
from model.tasks.data.formats import kind_of
from model.tasks.data.places import find_places
from model.tasks.data.sources import files_sha256
from model.tasks.data.tables import Example

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnData:
    """Data that the settings `data` and `data.*` describe. `roles` are what the task reads, the label last."""

    data: str
    roles: tuple[str, ...]
    settings: DataSettings

    @property
    def files(self) -> Mapping[str, Path]:
        return find_places(self.data, self.settings.revision).named

    @property
    def revision(self) -> str | None:
        """The commit of data from a hub."""
        return find_places(self.data, self.settings.revision).revision

    @property
    def dataset(self) -> Dataset:
        """The rows, read once per process. Raise DataError."""
        return load_dataset(self.data, self.roles, self.settings)

    def sha256(self) -> str:
        """Return the hash of all files, and log what was guessed, drawn or left out. Raise DataError."""
        self.check()
        for note in (*self.dataset.notes, *self.dataset.warnings):
            log.warning("%s", note)
        return self.digest()

    def digest(self) -> str:
        """Return the hash of all files, and of their endings, which tell how they are read. Raise DataError."""
        return files_sha256({f"{split}{kind_of(path)}": path for split, path in self.files.items()})

    def check(self) -> None:
        """Raise DataError if the rows cannot be used."""

    def about(self) -> dict[str, Any]:
        """Return what was understood of the data, for the record of a run. Raise DataError."""
        found = self.dataset
        sizes = {split: len(rows.texts) for split, rows in found.splits.items()}
        return {"columns": dict(found.columns), "classes": list(found.classes), "sizes": sizes, "drawn": found.drawn}

    def size(self, split: str) -> int:
        """Return the number of usable rows in a split. Raise DataError."""
        return len(self.dataset.splits[split].texts)

    def text(self, *texts: str) -> str:
        """Return the texts of one row as the model reads them."""
        return "\n".join(texts)

    def inputs(self, split: str) -> Iterator[str]:
        """Yield the text of each row in a split, as the model reads it. Raise DataError."""
        return (self.text(*texts) for texts in self.dataset.splits[split].texts)

    def check_room(self, tokenizer: Tokenizer, positions: int) -> None:
        """Raise DataError if no row can fit in `positions` tokens."""

    def rows(self, split: str) -> Iterator[Example]:
        """Yield the rows of a split with the numbers of their classes. Raise DataError."""
        found = self.dataset
        numbers = {name: number for number, name in enumerate(found.classes)}
        rows = found.splits[split]
        return (Example(texts, numbers[name]) for texts, name in zip(rows.texts, rows.labels, strict=True))
