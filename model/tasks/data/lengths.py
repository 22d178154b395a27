"""Texts that are longer than the positions of a base: count them, or cut them."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from model.pretrained.tokenizer import Tokenizer

T = TypeVar("T")


def cut(items: Sequence[T], limit: int, part: str | None) -> list[T]:
    """Return at most `limit` of `items`: those left after the "head", the "middle" or the "tail" (or None) is cut."""
    excess = max(0, len(items) - limit)
    kept = {"head": 0, "middle": (limit + 1) // 2}.get(part or "tail", limit)  # items before the cut
    return [*items[:kept], *items[kept + excess :]]


def count_long(texts: Iterable[str], tokenizer: Tokenizer, positions: int) -> tuple[int, int]:
    """Return how many texts have more than `positions` tokens, of how many. Texts of fewer bytes are not tokenized."""
    long = [len(text.encode()) >= positions and len(tokenizer.encode(text)) > positions for text in texts]
    return sum(long), len(long)
