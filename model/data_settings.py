"""The settings of a user's own data: which columns a task reads, and how rows are split. Nothing here imports torch."""

from dataclasses import dataclass
from typing import ClassVar

from model.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """How the tasks classification, pairs, completion and text read `data`. None: found by the usual names."""

    prefix: ClassVar[str] = "data."

    text: str | None = setting(None, unit="column of the text; of pairs, the first one; None = found by its name")
    text2: str | None = setting(None, unit="column of the second text of a pair; None = found by its name")
    label: str | None = setting(None, unit="column of the class; None = found by its name")
    prompt: str | None = setting(None, unit="column of the given text; None = found by its name")
    completion: str | None = setting(None, unit="column of the text to generate; None = found by its name")
    answers: str | None = setting(
        None, unit="word that stands for each class of pairs, such as no,yes; None = a linear layer predicts the class"
    )
    split: str | None = setting(
        None, unit="shares drawn from the rows, such as dev=0.1,test=0.1, or the column that names each row's split"
    )
    split_seed: int = setting(0, unit="number that the drawn splits are derived from", low=0)
    revision: str | None = setting(None, unit="commit or tag of data from a hub; None = the main branch")

    @property
    def words(self) -> tuple[str, ...]:
        """The words of `answers`, in the order of the classes; none if a linear layer predicts the class."""
        return tuple(word.strip() for word in (self.answers or "").split(",") if word.strip())
