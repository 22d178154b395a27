"""Tasks: the data that a model is trained on, and the metrics that score it.

The task NAME is the class `Task` in model/tasks/NAME.py. Its data are found by `find` in model/tasks/data/NAME.py,
which does not need torch.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from model.errors import DataError
from model.task_specs import TASKS
from model.tasks.data.lengths import count_long
from model.tasks.data.sources import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

    from model.config import DecodeConfig
    from model.data_settings import DataSettings
    from model.gpt2 import GPT2
    from model.pretrained.tokenizer import Tokenizer
    from model.settings import Scalar


@dataclass(frozen=True)
class Batch:
    """Right-padded sequences and their targets, (B, T) each.

    `targets` holds the token or class that each position must predict, or `model.loss.IGNORE` if it has no target.
    """

    input_ids: "Tensor"
    targets: "Tensor"
    found: "Tensor | None" = None  # see `positions`; given if they were found before the batch was moved
    counted: "Tensor | None" = None  # (N,): 1 for a real position, 0 for padding; None if there is none
    unpadded: int | None = None  # the number of real positions; None if there is no padding

    @property
    def positions(self) -> "Tensor":
        """The positions that have a target, as indices of the flattened batch, (N,). Padding repeats the last one."""
        from model.loss import IGNORE

        return (self.targets.flatten() != IGNORE).nonzero()[:, 0] if self.found is None else self.found

    @property
    def size(self) -> int:
        """The number of targets, without padding."""
        return len(self.positions) if self.unpadded is None else self.unpadded

    @property
    def tensors(self) -> "list[Tensor]":
        """The token ids, the targets, the positions and which of them count."""
        return [self.input_ids, self.targets, self.positions, *([] if self.counted is None else [self.counted])]

    def to(self, device: "torch.device") -> "Batch":
        """Return the batch on `device`. Its positions are found here, because a GPU would have to be waited for."""
        from model.hardware import move

        ids, targets, positions, *rest = (move(each, device) for each in self.tensors)
        return Batch(ids, targets, positions, rest[0] if rest else None, self.unpadded)


@dataclass(frozen=True)
class Evaluation:
    """The scores of one split with one decoding, and a record of each example that they were computed from."""

    metrics: Mapping[str, float]
    samples: Sequence[Mapping[str, "Scalar"]]


class Data(Protocol):
    """The data files of a task."""

    @property
    def files(self) -> "Mapping[str, Path]": ...

    def sha256(self) -> str:
        """Return the hash of all data that results depend on. Raise DataError if it cannot be used."""

    def size(self, split: str) -> int:
        """Return the number of usable examples in "train", "dev" or "test". Raise DataError."""


@runtime_checkable
class Texts(Data, Protocol):
    """Data whose texts can be counted and checked before training. Data of extensions need not be."""

    def inputs(self, split: str) -> Iterator[str]:
        """Yield the text of each usable example, as the model reads it. Raise DataError."""

    def check_room(self, tokenizer: "Tokenizer", positions: int) -> None:
        """Raise DataError if a text cannot be used within `positions` tokens, not even cut."""


class Task(Protocol):
    """A data set, tokenized for one base model."""

    data_sha256: str  # `Data.sha256` of its files
    classes: int | None  # number of classes of the added classifier; None = the task predicts tokens

    def size(self, split: str) -> int:
        """Return the number of examples in "train", "dev" or "test"."""

    def batches(self, split: str, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
        """Yield the examples `order` of `split` in batches of `batch_size`. The task may regroup them."""

    def evaluate(self, model: "GPT2", split: str, decode: "DecodeConfig | None", seed: int) -> Evaluation:
        """Score `model` on `split`. Only tasks that generate text use `decode` and `seed`."""


def load_task(
    name: str,
    data: str | None,
    tokenizer: "Tokenizer",
    max_tokens: int,
    truncate: str | None = None,
    settings: "DataSettings | None" = None,
) -> Task:
    """Return the task `name` with `data` (None = the shipped set). Raise DataError if the data cannot be used.

    `truncate` is the part that is cut from texts of more than `max_tokens`; only tasks of this package know it.
    `settings` are for tasks that read columns.
    """
    load = TASKS[name].load or importlib.import_module(f"model.tasks.{name}").Task
    given = {"truncate": truncate, "settings": settings}
    options = {name: value for name, value in given.items() if value is not None}
    task: Task = load(data, tokenizer, max_tokens, **options)
    return task


def find_data(name: str, data: str | None, settings: "DataSettings | None" = None) -> Data:
    """Return the files of the task's data (None = the shipped set). Raise DataError if they are not found."""
    find = TASKS[name].find or importlib.import_module(f"model.tasks.data.{name}").find
    found: Data = find(data) if settings is None else find(data, settings)
    return found


def check_tokenizer(name: str, tokenizer: "Tokenizer", settings: "DataSettings | None" = None) -> None:
    """Raise DataError if an answer of the task is not one token of `tokenizer`."""
    given = settings.words if settings is not None else ()
    for word in given or TASKS[name].answers:
        count = len(tokenizer.encode(word))
        if count != 1:
            raise DataError(
                f"task {name} answers with one token, but the base's vocabulary spells {word!r} with {count}; "
                "use a base with GPT-2's vocabulary, or tiny"
            )


def count_long_texts(data: Data, tokenizer: "Tokenizer", positions: int) -> dict[str, tuple[int, int]]:
    """Return how many texts of each split have more than `positions` tokens, of how many; only splits with such texts.

    Raise DataError if a text cannot be used within `positions` tokens, not even cut.
    """
    if not isinstance(data, Texts):
        return {}
    data.check_room(tokenizer, positions)
    counts = {split: count_long(data.inputs(split), tokenizer, positions) for split in SPLITS}
    return {split: (long, size) for split, (long, size) in counts.items() if long}
