"""Data of the paraphrase task. The file format is the course project's for Quora pairs (Stanford CS224N 2025).

Preprocessing is that of the course project, too.
"""

from pathlib import Path

from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
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


class ParaphraseData(LabelledData):
    """Pairs of questions."""

    def text(self, *texts: str) -> str:
        return prompt(*map(preprocess, texts))

    def check_room(self, tokenizer: Tokenizer, positions: int) -> None:
        """Raise DataError if a prompt without any question exceeds `positions` tokens."""
        needed = len(tokenizer.encode(prompt("", "")))
        if needed > positions:
            raise DataError(
                f"task paraphrase needs {needed} tokens around its questions, but the base has {positions} positions; "
                "use a larger base"
            )


def find(data: str | None) -> ParaphraseData:
    """Return the files of `data` (None = the shipped set). Raise DataError if they are not found."""
    files = find_files(DEFAULT if data is None else data, KNOWN)
    return ParaphraseData(files, COLUMNS, classes=len(TASKS["paraphrase"].answers))


def preprocess(question: str) -> str:
    """Return the question in lower case, a space before each of . ? , and ', and its words one space apart."""
    text = question.lower()
    for mark in ".?,'":
        text = text.replace(mark, f" {mark}")
    return " ".join(text.split())


def prompt(first: str, second: str) -> str:
    """Return the model input for two preprocessed questions."""
    return f'Is "{first}" a paraphrase of "{second}"? Answer "yes" or "no": '
