"""Tasks: the data of a training, and how its model is scored.

Task NAME is `Task` in model/tasks/NAME.py, its data `find` in model/tasks/data/NAME.py. Only the former needs torch.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from model.errors import DataError
from model.task_specs import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from model.config import DecodeConfig
    from model.gpt2 import GPT2
    from model.pretrained.tokenizer import Tokenizer
    from model.settings import Scalar


@dataclass(frozen=True)
class Batch:
    """Right-padded sequences, (B, T) each.

    `targets` holds the token or class that each position predicts, `model.loss.IGNORE` where none counts.
    """

    input_ids: "Tensor"
    targets: "Tensor"

    def to(self, device: Any) -> "Batch":
        return Batch(self.input_ids.to(device), self.targets.to(device))


@dataclass(frozen=True)
class Evaluation:
    """Scores of one split under one decoding, and one record per example of what they were computed from."""

    metrics: Mapping[str, float]
    samples: Sequence[Mapping[str, "Scalar"]]


class Data(Protocol):
    """The files of a task's data."""

    @property
    def files(self) -> "Mapping[str, Path]": ...

    def sha256(self) -> str:
        """Return the hash of all data that results depend on. Raise DataError if it cannot be used."""
        ...

    def size(self, split: str) -> int:
        """Return the number of usable examples in "train", "dev" or "test". Raise DataError."""
        ...


class Task(Protocol):
    """One data set, tokenized for one base."""

    data_sha256: str  # `Data.sha256` of the files that it was made from
    classes: int | None  # of the classifier that is added to the model; None = it predicts tokens

    def size(self, split: str) -> int:
        """Return the number of examples in "train", "dev" or "test"."""
        ...

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Yield the examples of `split` with the indices `order` in batches of `batch_size`, grouped at will."""
        ...

    def evaluate(self, model: "GPT2", split: str, decode: "DecodeConfig | None", seed: int) -> Evaluation:
        """Score `model` on `split`. `decode` and `seed` matter to tasks that generate text."""
        ...


def load_task(name: str, data: str | None, tokenizer: "Tokenizer", max_tokens: int) -> Task:
    """Return the task `name` over `data` (None = the shipped set). Raise DataError if the data cannot be used."""
    load = TASKS[name].load or importlib.import_module(f"model.tasks.{name}").Task
    task: Task = load(data, tokenizer, max_tokens)
    return task


def find_data(name: str, data: str | None) -> Data:
    """Return the files of the task's data (None = the shipped set). Raise DataError if they are not found."""
    find = TASKS[name].find or importlib.import_module(f"model.tasks.data.{name}").find
    found: Data = find(data)
    return found


def check_tokenizer(name: str, tokenizer: "Tokenizer") -> None:
    """Raise DataError if an answer of the task is not one token of `tokenizer`."""
    for word in TASKS[name].answers:
        count = len(tokenizer.encode(word))
        if count != 1:
            raise DataError(
                f"task {name} answers with one token, but the base's vocabulary spells {word!r} with {count}; "
                "use a base with GPT-2's vocabulary, or tiny"
            )
