"""Data of the paraphrase task. The file format is the course project's for Quora pairs (Stanford CS224N 2025)."""

from pathlib import Path

from model.task_specs import TASKS
from model.tasks.data.labelled import LabelledData
from model.tasks.data.sources import ASSETS, OnHub, find_files
from model.tasks.data.tables import Columns

DEFAULT = "questions"
KNOWN: dict[str, Path | OnHub] = {
    DEFAULT: ASSETS / "paraphrase",
    "qqp": OnHub(
        "nyu-mll/glue",
        {
            "train": "qqp/train-00000-of-00001.parquet",
            "dev": "qqp/validation-00000-of-00001.parquet",
            "test": "qqp/test-00000-of-00001.parquet",  # unlabelled
        },
    ),
}
COLUMNS = Columns(
    texts=(("sentence1", "question1"), ("sentence2", "question2")),
    label=("is_duplicate", "label"),
)


def find(data: str | None) -> LabelledData:
    """Return the files of `data` (None = the shipped set). Raise DataError if they are not found."""
    return LabelledData(
        find_files(DEFAULT if data is None else data, KNOWN), COLUMNS, classes=len(TASKS["paraphrase"].answers)
    )
