"""The difference of two texts, word by word."""

import re
from difflib import SequenceMatcher

from sweep.reporting.printable import printable

WORD = re.compile(r"\s*\S+")  # with the space before it


def word_diff(before: str, after: str) -> str:
    """Return `after` with what differs from `before` marked, as git does: [-removed-] and {+added+}.

    Space between words does not count. Escapes in the texts are made visible.
    """
    one, other = (WORD.findall(printable(text)) for text in (before, after))
    matcher = SequenceMatcher(None, [word.strip() for word in one], [word.strip() for word in other], autojunk=False)
    parts: list[str] = []
    for kind, start, end, from_, to in matcher.get_opcodes():
        if kind == "equal":
            first, *rest = other[from_:to]
            parts += [first if first[:1].isspace() or not parts else f" {first}", *rest]
        else:
            parts += [*_marked("[-", one[start:end], "-]"), *_marked("{+", other[from_:to], "+}")]
    return "".join(parts).strip()


def _marked(opening: str, words: list[str], closing: str) -> list[str]:
    """Return words as one marked text, with the space before the first outside the mark."""
    text = "".join(words)
    inner = text.lstrip()
    return [f"{text[: len(text) - len(inner)]}{opening}{inner}{closing}"] if inner else []
