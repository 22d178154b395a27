"""Data of the sentiment task: texts with labels 0 to K - 1. The file format is the course project's.

Preprocessing is that of the course project (Stanford CS224N 2025, part 1) for SST-5 and CFIMDB.
"""

from pathlib import Path

from model.errors import DataError
from model.tasks.data.labelled import LabelledData
from model.tasks.data.sources import ASSETS, OnHub, find_files
from model.tasks.data.tables import Columns

DEFAULT = "reviews"
KNOWN: dict[str, Path | OnHub] = {
    DEFAULT: ASSETS / "sentiment" / DEFAULT,
    "verdicts": ASSETS / "sentiment" / "verdicts",
    "sst5": OnHub("SetFit/sst5", {"train": "train.jsonl", "dev": "dev.jsonl", "test": "test.jsonl"}),
}
COLUMNS = Columns(texts=(("sentence", "text"),), label=("sentiment", "label"))


class SentimentData(LabelledData):
    """A data set whose training split determines the number of classes."""

    def text(self, *texts: str) -> str:
        return texts[0].lower().strip()

    def sha256(self) -> str:
        """Return the hash of all files. Raise DataError if a file cannot be used or its labels are invalid."""
        self.count_classes({split: self.labels(split) for split in self.files})
        return super().sha256()

    def count_classes(self, labels: dict[str, list[int]]) -> int:
        """Return the number of classes in the training split. Raise DataError if the labels are invalid."""
        known = set(labels["train"])
        classes = len(known)
        if classes < 2:
            raise DataError(f"{self.files['train']} has only one class; a classifier needs two")
        if max(known) >= classes:
            missing = min(set(range(max(known))) - known)
            raise DataError(
                f"{self.files['train']} has the label {max(known)}, but none is {missing}; number the classes from 0"
            )
        for split, seen in labels.items():
            if any(label >= classes for label in seen):
                raise DataError(
                    f"{self.files[split]} has the label {max(seen)}, but the training split's labels end at "
                    f"{classes - 1}; give splits of one data set"
                )
        return classes


def find(data: str | None) -> SentimentData:
    """Return the files of `data` (None = the shipped set). Raise DataError if they are not found."""
    return SentimentData(find_files(DEFAULT if data is None else data, KNOWN), COLUMNS)
