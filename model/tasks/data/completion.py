"""Data of the task completion: prompts, and the text that follows each."""

from model.data_settings import DataSettings
from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.own import OwnData
from model.tasks.data.shipped import ShippedSonnets

ROLES = ("prompt", "completion")
LEAST_POSITIONS = 4


class CompletionData(OwnData):
    """Prompts and completions, with a line break between them where there is no white space."""

    def text(self, *texts: str) -> str:
        prompt, completion = texts
        return given(prompt, completion) + completion

    def check_room(self, tokenizer: Tokenizer, positions: int) -> None:
        """Raise DataError if the base has too few positions for a prompt and a completion."""
        if positions < LEAST_POSITIONS:
            raise DataError(
                f"task completion needs {LEAST_POSITIONS} positions, but the base has {positions}; use a larger base"
            )


class Sonnets(ShippedSonnets, CompletionData):
    """The shipped sonnets: the prompt is the first three lines, as in the task sonnets."""

    texts = staticmethod(lambda sonnet: (sonnet.prompt, sonnet.rest))


def find(data: str | None, settings: DataSettings | None = None) -> CompletionData:
    """Return the files of `data` (None = the shipped sonnets). Raise DataError if they are not found."""
    if data is None:
        return Sonnets("sonnets", ROLES, DataSettings())
    return CompletionData(data, ROLES, settings or DataSettings())


def given(prompt: str, completion: str) -> str:
    """Return what the model is given of a row: the prompt, and what separates it from the completion."""
    return prompt if prompt[-1:].isspace() or completion[:1].isspace() else prompt + "\n"
