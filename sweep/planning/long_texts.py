"""Count the texts that are longer than the positions of their base, so that training cuts them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model.data_settings import DataSettings
from model.errors import BaseError, DataError
from model.pretrained.files import find_base, load_tokenizer, read_config
from model.task_specs import TASKS
from model.tasks import count_long_texts, find_data
from sweep.errors import SpaceError
from sweep.planning.plan import Point


@dataclass(frozen=True, kw_only=True)
class LongTexts:
    """The long texts of one data set under one base."""

    task: str
    data: str | None  # None: the shipped set
    base: str
    positions: int
    truncate: tuple[str, ...]  # the parts that the run's points cut
    splits: Mapping[str, tuple[int, int]]  # split -> texts with more tokens than positions, of how many

    def __str__(self) -> str:
        counts = " and ".join(f"{long:,} of {size:,} {split}" for split, (long, size) in self.splits.items())
        data = f"data {self.data}" if self.data else f"task {self.task}"
        return (
            f"{data} on base {self.base}: {counts} texts exceed its {self.positions:,} positions; "
            f"their {' or '.join(self.truncate)} is cut (setting: truncate)"
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "LongTexts":
        splits = {split: (long, size) for split, (long, size) in raw["splits"].items()}
        return cls(**{**raw, "truncate": tuple(raw["truncate"]), "splits": splits})


def find_long_texts(points: Iterable[Point]) -> tuple[LongTexts, ...]:
    """Return the long texts of each data set and base of `points`; only those that have any.

    Raise SpaceError if a text cannot be used, not even cut: a prompt that leaves no position to continue it.
    """
    parts: dict[tuple[str, str | None, DataSettings | None, str, str | None], set[str]] = {}
    for train in (point.train for point in points if TASKS[point.train.task].cuts):
        key = (train.task, train.data, train.data_settings, train.base, train.revision)
        parts.setdefault(key, set()).add(train.truncate or "tail")
    found = []
    for (task, data, settings, base, revision), cut in parts.items():
        try:
            files = find_base(base, revision)
            positions = read_config(files).n_positions
            splits = count_long_texts(find_data(task, data, settings), load_tokenizer(files), positions)
        except (BaseError, DataError) as error:
            raise SpaceError(str(error)) from error
        if splits:
            found.append(
                LongTexts(
                    task=task, data=data, base=base, positions=positions, truncate=tuple(sorted(cut)), splits=splits
                )
            )
    return tuple(found)
