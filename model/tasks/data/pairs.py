"""Data of the task pairs: two texts with a class, which a linear layer predicts, or an answer in words (a cloze)."""

from dataclasses import dataclass

from model.data_settings import DataSettings
from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.own import OwnData
from model.tasks.data.sources import ASSETS

ROLES = ("text", "text2", "label")


@dataclass(frozen=True)
class PairsData(OwnData):
    """Pairs of texts. The model reads both, one per line, and with `data.answers` the question for an answer."""

    @property
    def answers(self) -> tuple[str, ...]:
        """The word for each class, in the order of the classes; none if a linear layer predicts the class."""
        return tuple(word.strip() for word in (self.settings.answers or "").split(",") if word.strip())

    @property
    def question(self) -> str:
        """What follows the two texts."""
        words = [f'"{word}"' for word in self.answers]
        return f"\nAnswer {' or '.join(words)}: " if words else ""

    def text(self, *texts: str) -> str:
        return "\n".join(texts) + self.question

    def check(self) -> None:
        """Raise DataError if there is not one answer for each class."""
        classes = self.dataset.classes
        if self.answers and len(self.answers) != len(classes):
            raise DataError(
                f"data.answers={self.settings.answers}: {len(self.answers)} words for {len(classes)} classes; write "
                f"one for each of {', '.join(classes)}, in this order"
            )

    def check_room(self, tokenizer: Tokenizer, positions: int) -> None:
        """Raise DataError if the question alone exceeds `positions` tokens."""
        needed = len(tokenizer.encode("\n" + self.question)) + 2
        if needed > positions:
            raise DataError(
                f"task pairs needs {needed} tokens, but the base has {positions} positions; use a larger base"
            )


def find(data: str | None, settings: DataSettings | None = None) -> PairsData:
    """Return the files of `data` (None = the shipped question pairs). Raise DataError if they are not found."""
    return PairsData(data or str(ASSETS / "paraphrase"), ROLES, settings or DataSettings())
