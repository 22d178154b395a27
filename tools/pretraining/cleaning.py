"""Clean source texts into plain ASCII lines."""

import re
import unicodedata
from itertools import groupby

PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "--",
        "\u00c6": "Ae",
        "\u00e6": "ae",
        "\u0152": "Oe",
        "\u0153": "oe",
    }
)
NOT_PRINTED = re.compile(r"[^ -~]")
MARKER = re.compile(r"^\s*\*\*\* ?(START|END) OF.*$", re.MULTILINE)
LICENCE = re.compile(r"gutenberg|\be-?text", re.IGNORECASE)
LINE_NUMBER = re.compile(r"\s{2,}\d+$")  # verse number in the margin
FILLER = re.compile(r"^\.{4,}")  # dots that stand for an indentation


def plain(line: str) -> str:
    """Return a line in printable ASCII, single-spaced, without indentation, margin numbers or _emphasis_ marks."""
    line = unicodedata.normalize("NFKD", line.translate(PLAIN))
    line = LINE_NUMBER.sub("", line.rstrip()).replace("_", "").replace("\t", " ")
    line = FILLER.sub("", NOT_PRINTED.sub("", line).strip())
    return " ".join(line.split())


def body(text: str) -> str:
    """Return the text between the START and END markers of a Gutenberg file, or all of it if there are none."""
    marks = list(MARKER.finditer(text))
    start = max((mark.end() for mark in marks if mark[1] == "START"), default=0)
    end = min((mark.start() for mark in marks if mark[1] == "END"), default=len(text))
    return text[start:end]


def clean(text: str) -> list[str]:
    """Return the cleaned lines, without licence lines, repeated blank lines, and blank lines at either end."""
    lines = [plain(line) for line in body(text).splitlines()]
    kept = [line for line in lines if not LICENCE.search(line)]
    single = [line for filled, group in groupby(kept, key=bool) for line in (group if filled else [""])]
    return "\n".join(single).strip("\n").split("\n")
