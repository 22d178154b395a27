"""Helper for the tests of decoding: the new token ids of each prompt."""

from collections.abc import Sequence
from typing import Any

from model.config import DecodeConfig
from model.decoding.generate import continuations
from model.gpt2 import GPT2


def generate_ids(
    model: GPT2, prompts: Sequence[Sequence[int]], decode: DecodeConfig, **options: Any
) -> list[list[int]]:
    """Return the new ids of each prompt, without the end of text. Options as in `continuations`."""
    return [best.ids for best in continuations(model, prompts, decode, **options)]
