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
    def question(self) -> str:
        """What follows the two texts."""
        words = [f'"{word}"' for word in self.settings.words]
        return f"\nAnswer {' or '.join(words)}: " if words else ""

    def text(self, *texts: str) -> str:
        return "\n".join(texts) + self.question

    def check(self) -> None:
        """Raise DataError if the answers are not a different word for each class."""
        words, classes = self.settings.words, self.dataset.classes
        if words and not len(words) == len(set(words)) == len(classes):
            raise DataError(
                f"data.answers={self.settings.answers}: {len(words)} words for {len(classes)} classes; write "
                f"a different one for each of {', '.join(classes)}, in this order"
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
