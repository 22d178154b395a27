"""Text as LaTeX source: names that others chose cannot inject commands, and every character compiles."""

import re
import textwrap
from collections.abc import Sequence

from sweep.reporting.latex import escape

LETTERS = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ"
    "ĂăĄąĆćČčĎďĐđĘęĚěĞğİıĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž"
)  # those beyond ASCII that every Latin font has
LETTERS_OF_MATH = ("alpha", "beta", "gamma", "delta", "varepsilon", "eta", "theta", "lambda", "mu", "sigma")
GREEK = dict(zip("\u03b1\u03b2\u03b3\u03b4\u03b5\u03b7\u03b8\u03bb\u03bc\u03c3", LETTERS_OF_MATH, strict=True))
MATH = {"\u00d7": "times", "\u00b1": "pm", "\u2264": "le", "\u2265": "ge", "\u2192": "to", **GREEK}
MINUS = "\u2212"
QUOTES = {"\u2018": "`", "\u2019": "'", "\u201c": "``", "\u201d": "''"}
SIGNS = {
    **{sign: f"$\\{name}$" for sign, name in MATH.items()},
    **QUOTES,
    MINUS: "$-$",
    "\u2013": "--",
    "\u2014": "---",
    "\u2026": r"\ldots{}",
}  # by character: LaTeX source
LIGATURE = re.compile(r"-(?=-)|'(?=')")
BRACKETS = {"[": "{[}", "]": "{]}", "*": "{*}", "`": "{`}"}  # special at the start of a table's row
TABLE = {ord(sign): command for sign, command in {**BRACKETS, **SIGNS}.items()}
NEGATIVE = re.compile(r"(?<![\w.-])-(?=[\d ])")  # a hyphen that stands for a minus
BREAKS = frozenset("/._=,:@+-")  # after these, a long word may break
LONG = 16  # characters of a piece that is never broken elsewhere
SHORT = 4  # characters of the pieces of a longer one: so short that lines can be justified
WIDTH = 100  # characters of a line of comment


def plain(text: object) -> str:
    """Return `text` as LaTeX source that prints it, without ligatures, for any place in a document or table.

    A character that common fonts lack is printed as its code point, for example U+4E2D.
    """
    source = LIGATURE.sub(r"\g<0>{}", escape("".join(map(_known, str(text)))))
    return source.translate(TABLE)


def breakable(text: object) -> str:
    """Return `text` as `plain` does, with places at which a line may break within words longer than LONG."""
    words = ([word] if len(word) <= LONG else _pieces(word) for word in str(text).split())
    return " ".join(r"\allowbreak{}".join(map(plain, pieces)) for pieces in words)


def with_code(text: str) -> str:
    """Return `text` as `breakable` does, with minus signs, and the parts between backticks in a typewriter font."""
    parts = NEGATIVE.sub(MINUS, text).split("`")
    return "".join(
        _spaced(part) if place % 2 == 0 else rf"\texttt{{{breakable(part)}}}" for place, part in enumerate(parts)
    )


def _spaced(text: str) -> str:
    """Return `text` as `breakable` does, with its first and last space."""
    return " " * text.startswith(" ") + breakable(text) + " " * (text.endswith(" ") and bool(text.strip()))


def comment(text: str) -> str:
    """Return `text` as lines of a LaTeX comment."""
    words = "".join(one if one.isprintable() else " " for one in text).split()
    lines = textwrap.wrap(" ".join(words), WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"% {line}" for line in lines)


def listed(parts: Sequence[str]) -> str:
    """Return texts as an English list: a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _known(sign: str) -> str:
    """Return `sign`, a space in place of a control character, or the code point of one that fonts lack."""
    if not sign.isprintable():
        return " "
    return sign if sign.isascii() or sign in LETTERS or sign in SIGNS else f"U+{ord(sign):04X}"


def _pieces(word: str) -> list[str]:
    """Return a word in pieces that end at its BREAKS; longer ones than LONG in pieces of SHORT characters."""
    pieces = [""]
    for sign in word:
        if pieces[-1][-1:] in BREAKS and len(pieces[-1]) > 3 and sign not in BREAKS:
            pieces.append("")
        pieces[-1] += sign
    return [part for piece in pieces for part in (textwrap.wrap(piece, SHORT) if len(piece) > LONG else [piece])]
