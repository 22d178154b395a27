"""Find the columns that a task reads: those that the settings `data.*` name, else by their usual names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.data_settings import DataSettings
from model.errors import DataError
from model.suggest import did_you_mean

FIRST = ("text1", "sentence1", "question1", "premise", "texta", "sentencea", "first", "query", "question", "context")
USUAL = {  # what a task reads -> the usual names of its column, in order of preference
    "text": (
        *("text", "sentence", "review", "content", "document", "body", "comment", "tweet", "message", "poem", "lyrics"),
        *("reviewtext", "article", "abstract", "description", "headline", "summary", "title", "utterance", "lines"),
    ),
    "text2": ("text2", "sentence2", "question2", "hypothesis", "textb", "sentenceb", "second", "passage", "answer"),
    "label": (
        *("label", "labels", "sentiment", "target", "class", "category", "stars", "rating", "score", "isduplicate"),
        *("goldlabel", "labeltext", "intent", "topic", "emotion", "polarity", "duplicate", "relation", "same", "y"),
    ),
    "prompt": ("prompt", "instruction", "question", "input", "source", "src", "query", "context", "problem"),
    "completion": ("completion", "response", "output", "answer", "target", "tgt", "answers", "reply", "solution"),
    "split": ("split",),
}
SURROGATE = re.compile(r"[\ud800-\udfff]")  # JSON can spell half of a pair (in texts that were cut), UTF-8 cannot
WHOLE_NUMBER = re.compile(r"(0|-?[1-9][0-9]*)\.0+")


def find_columns(
    path: Path, header: Sequence[str], roles: Sequence[str], settings: DataSettings, optional: Sequence[str] = ()
) -> dict[str, str]:
    """Return the column of each of `roles` in the file at `path`, and of each of `optional` that it has.

    If all but one of `roles` are found and one column is left, it is the last one's. Raise DataError.
    """
    for role in roles:
        if (name := getattr(settings, role)) is not None and name not in header:
            hint = did_you_mean(name, header)
            raise DataError(f"{path} line 1: has no column {name!r} (data.{role}); {hint}it has {_listed(header)}")
    found = usual_columns(header, (*roles, *optional), settings)
    missing = [role for role in roles if role not in found]
    left = [name for name in header if name and name not in found.values()]
    if len(missing) == len(left) == 1 and roles != ("label",):
        found[missing[0]] = left[0]
    elif missing:
        raise DataError(
            f"{path} line 1: which column holds the {missing[0]}? It has {_listed(header)}; name it: "
            f"--set data.{missing[0]}=COLUMN (if line 1 names no columns, add a line that does)"
        )
    return found


def usual_columns(header: Sequence[str], roles: Sequence[str], settings: DataSettings) -> dict[str, str]:
    """Return the columns in `header` of those `roles` that `settings` or the usual names tell."""
    given = {role: getattr(settings, role) for role in roles if role != "split"}
    found = {role: name for role, name in given.items() if name in header}
    for role in roles:
        usual = (*FIRST, *USUAL["text"]) if "text2" in roles and role == "text" else USUAL[role]
        free = {_plain(name): name for name in reversed(header) if name not in found.values()}
        if role not in found and (name := next((free[key] for key in usual if key in free), None)):
            found[role] = name
    return {role: found[role] for role in roles if role in found}


def cell(path: Path, place: str, row: Mapping[str, Any], column: str, *, strip: bool = True) -> str | None:
    """Return the text of a cell, or None if it is empty. Raise DataError if it holds no text or number."""
    value = row.get(column)
    if isinstance(value, str):
        if SURROGATE.search(value):
            raise DataError(f"{path} {place}: {column} holds half of a character; correct it, or leave out the row")
        text = value.replace("\r\n", "\n")
        return (text.strip() if strip else text) if text.strip() else None
    if value is None or value != value:  # NaN
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else repr(value)
    raise DataError(
        f"{path} {place}: {column} is a {type(value).__name__}, not a text; name another column, or write text there"
    )


def class_name(text: str) -> str:
    """Return a label as the name of its class: 1.0 is the class 1, as writers of tables spell whole numbers.

    Other spellings of a number (01, 1e3) are classes of their own.
    """
    if (whole := WHOLE_NUMBER.fullmatch(text)) is not None:
        return whole[1]
    return text.lower() if text in ("True", "False") else text


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of classes in the order in which they are numbered: by value if all are numbers, else by name."""
    try:
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    except ValueError:
        return tuple(sorted(names))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")
