"""A user's own data as a task reads it: columns found, rows cleaned, labels as classes, splits given or drawn.

Whatever was guessed, drawn or left out is told before a run.
"""

import functools
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.data_settings import DataSettings
from model.errors import DataError
from model.tasks.data.columns import cell, class_name, find_columns, in_order
from model.tasks.data.formats import read_rows
from model.tasks.data.places import SPLIT_WORDS, WHOLE, Places, find_places
from model.tasks.data.splits import DRAWN, Texts, classes_of_texts, draw_splits, parse_shares

Columns = dict[str, str]  # what the task reads -> the column
SPLITS = ("train", "dev", "test")
MISSING = frozenset({"-", "nan", "NaN"})  # labels that are none, as SNLI and NumPy write them
LISTED = 50  # classes
MANY = 10  # classes; if there are more, each needs two rows on average


@dataclass
class Rows:
    """The usable rows of a file or split: their texts, and the name of each one's class ("" without labels)."""

    texts: list[Texts] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)  # the words in the column of splits, if there is one
    skipped: int = 0  # rows without a text or a label
    first_skipped: str = ""
    first_with: dict[str, str] = field(default_factory=dict)  # label -> the file and line that it is first in


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows by split, with what was understood of their files."""

    files: Mapping[str, Path]
    revision: str | None  # the commit of a hub's data
    columns: Mapping[str, str]  # what the task reads -> the column
    splits: Mapping[str, Rows]
    classes: tuple[str, ...]  # in the order in which they are numbered
    drawn: str | None  # the shares that were drawn; None if all splits were given
    leaked: Mapping[str, int]  # split -> its rows whose texts also occur in train
    notes: tuple[str, ...]  # what was guessed and drawn
    warnings: tuple[str, ...]  # what was left out, and what makes scores too high


def load_dataset(data: str, roles: tuple[str, ...], settings: DataSettings) -> Dataset:
    """Read `data` for a task that reads `roles`; once per process and version of the files. Raise DataError."""
    places = find_places(data, settings.revision)
    stamps = tuple((name, path, path.stat().st_mtime_ns, path.stat().st_size) for name, path in places.named.items())
    return _load(data, roles, settings, stamps)


@functools.lru_cache(maxsize=2)
def _load(data: str, roles: tuple[str, ...], settings: DataSettings, stamps: object) -> Dataset:
    places = find_places(data, settings.revision)
    columns, parts = _read_all(places, roles, settings)
    splits, drawn = _split(data, parts, settings)
    classes = _classes(data, splits, columns["label"]) if "label" in columns else ()
    known = set(splits["train"].texts)
    leaked = {split: sum(texts in known for texts in splits[split].texts) for split in ("dev", "test")}
    return Dataset(
        files=places.named,
        revision=places.revision,
        columns=columns,
        splits=splits,
        classes=classes,
        drawn=drawn,
        leaked=leaked,
        notes=tuple(f"{data}: {note}" for note in _notes(columns, splits, classes, drawn, settings)),
        warnings=tuple(f"{data}: {warning}" for warning in _warnings(parts, splits, leaked)),
    )


def _notes(
    columns: Mapping[str, str],
    splits: Mapping[str, Rows],
    classes: Sequence[str],
    drawn: str | None,
    settings: DataSettings,
) -> Iterator[str]:
    """Yield what was guessed and drawn."""
    guessed = {role: name for role, name in columns.items() if getattr(settings, role) is None}
    if guessed:
        found = ", ".join(f"{role} is the column {name!r}" for role, name in guessed.items())
        yield f"{found}; if that is wrong: --set data.{next(iter(guessed))}=COLUMN"
    if classes:
        yield f"{len(classes)} classes, in this order: {', '.join(classes[:LISTED])}"
    if drawn is not None:
        sizes = ", ".join(f"{len(rows.texts):,} {split}" for split, rows in splits.items())
        yield f"split by the rows' content ({drawn}, seed {settings.split_seed}) into {sizes}"


def _warnings(parts: Mapping[str, Rows], splits: Mapping[str, Rows], leaked: Mapping[str, int]) -> Iterator[str]:
    """Yield what was left out, and what makes scores too high."""
    for split, rows in parts.items():
        if rows.skipped:
            where = "" if split == WHOLE else f" of {split}"
            yield f"{rows.skipped:,} rows{where} without text or label are left out, the first: {rows.first_skipped}"
    for split, count in leaked.items():
        if count:
            yield (
                f"{count:,} of {len(splits[split].texts):,} {split} rows have the text of a training row, which lifts "
                f"their scores; remove them, or give one file and draw the splits: --set data.split={DRAWN}"
            )


def _read_all(places: Places, roles: tuple[str, ...], settings: DataSettings) -> tuple[dict[str, str], dict[str, Rows]]:
    """Return the columns of the first file, and the rows of each split. Raise DataError."""
    parts: dict[str, Rows] = {}
    first: tuple[Path, dict[str, str]] | None = None
    for split, files in places.files.items():
        rows = parts.setdefault(split, Rows())
        is_class = "-1" in parts.get("train", rows).first_with
        # The hub writes -1 into test splits without labels.
        missing = MISSING if split != "test" or is_class else {*MISSING, "-1"}
        for path in files:
            columns = _read(path, rows, roles, settings, split, first, missing)
            first = first or (path, columns)
    return first[1] if first else {}, parts


def _read(
    path: Path,
    rows: Rows,
    roles: tuple[str, ...],
    settings: DataSettings,
    split: str,
    first: tuple[Path, Columns] | None,
    missing: Collection[str],
) -> dict[str, str]:
    """Append the usable rows of a file to `rows` and return its columns.

    `first` is the first file and its columns, `missing` what stands for no label.
    """
    columns: dict[str, str] = {}
    texts_of: list[str] = []
    label = by_split = None
    strips = "prompt" not in roles  # white space between a prompt and its completion matters
    for place, row in read_rows(path):
        if not columns:
            if first is not None:
                columns = _same_columns(path, list(row), *first, split)
            else:
                columns = find_columns(path, list(row), roles, settings, ("split",) if split == WHOLE else ())
            texts_of, label = [columns[role] for role in roles if role != "label"], columns.get("label")
            by_split = _split_column(path, list(row), columns, settings, split)
        values = [cell(path, place, row, column, strip=strips) for column in texts_of]
        name = "" if "label" not in roles else (cell(path, place, row, label) if label else None)
        if name is None or None in values or name in missing:
            rows.first_skipped = rows.first_skipped or f"{path} {place}"
            rows.skipped += 1
            continue
        name = sys.intern(name and class_name(name))  # one object for all rows of a class
        if name not in rows.first_with:
            rows.first_with[name] = f"{path} {place}"
        rows.texts.append(tuple(values))  # type: ignore[arg-type]
        rows.labels.append(name)
        if by_split is not None:
            rows.splits.append(_split_word(path, place, cell(path, place, row, by_split)))
    if not columns:
        raise DataError(f"{path} has no rows; give a file with a header line and rows below it")
    return columns


def _same_columns(path: Path, header: Sequence[str], first: Path, columns: Columns, split: str) -> Columns:
    """Return those of the `columns` of the `first` file that `path` has: all, but a test split needs no labels."""
    for role, name in columns.items():
        if name not in header and (split, role) != ("test", "label"):
            raise DataError(
                f"{path} line 1: has no column {name!r}, which holds the {role} in {first}; name the columns of both "
                "files alike"
            )
    return {role: name for role, name in columns.items() if name in header}


def _split_column(
    path: Path, header: Sequence[str], columns: dict[str, str], settings: DataSettings, split: str
) -> str | None:
    """Return the column that names each row's split: the one of `data.split`, else one with that name."""
    usual = columns.pop("split", None)
    if settings.split is None:
        return usual
    if parse_shares(settings.split) is not None:
        return None
    if split != WHOLE:
        raise DataError(f"data.split={settings.split} names a column, but {path} is one of given splits; omit it")
    if settings.split not in header:
        raise DataError(
            f"{path} line 1: has no column {settings.split!r} (data.split); name the column of splits, or give shares "
            f"such as {DRAWN}"
        )
    return settings.split


def _split_word(path: Path, place: str, word: str | None) -> str:
    if (found := SPLIT_WORDS.get((word or "").lower())) is None:
        raise DataError(
            f"{path} {place}: its split is {word!r}, not train, dev or test; correct it, or draw the splits: "
            f"--set data.split={DRAWN}"
        )
    return found


def _split(data: str, parts: Mapping[str, Rows], settings: DataSettings) -> tuple[dict[str, Rows], str | None]:
    """Return the rows of train, dev and test, and the shares that were drawn (None: all were given)."""
    shares = parse_shares(settings.split or "")
    whole = parts.get(WHOLE)
    given = dict(parts)
    if whole is not None and whole.splits:
        given = {split: _part(whole, whole.splits, split) for split in dict.fromkeys(whole.splits)}
    elif whole is not None:
        given = {"train": whole}
    for split in ("train", "dev"):
        if split in given and not given[split].texts:
            raise DataError(f"data {data!r} has no {split} row with a text and a label; fill in some")
    if "train" not in given:
        raise DataError(f"data {data!r} has no row of the split train; name some so, or set data.split={DRAWN}")
    if shares is None and "dev" in given:
        return {split: given.get(split, Rows()) for split in SPLITS}, None
    drawn = shares or (parse_shares(DRAWN) if "test" not in given else {"dev": 0.1}) or {}
    pool = given["train"]
    if "dev" in given or ("test" in given and "test" in drawn):
        raise DataError(f"data.split={settings.split}: data {data!r} has given splits; omit it, or give one file")
    try:
        found = draw_splits(classes_of_texts(pool.texts, pool.labels), drawn, settings.split_seed)
    except DataError as error:
        raise DataError(f"data {data!r}: {error}") from error
    of_row = [found[texts] for texts in pool.texts]
    splits = {split: _part(pool, of_row, split) for split in SPLITS}
    return {**splits, **{split: rows for split, rows in given.items() if split != "train"}}, _shares_text(drawn)


def _shares_text(shares: Mapping[str, float]) -> str:
    return ",".join(f"{split}={share:g}" for split, share in shares.items())


def _part(rows: Rows, splits: Sequence[str], wanted: str) -> Rows:
    chosen = [number for number, split in enumerate(splits) if split == wanted]
    return Rows(
        [rows.texts[number] for number in chosen],
        [rows.labels[number] for number in chosen],
        first_with=rows.first_with,
    )


def _classes(data: str, splits: Mapping[str, Rows], column: str) -> tuple[str, ...]:
    """Return the classes of the training rows in order. Raise DataError if they cannot be classes."""
    train = splits["train"]
    found = set(train.labels)
    if len(found) < 2:
        raise DataError(
            f"data {data!r}: column {column!r} holds only the class {''.join(found)!r}; a classifier needs two"
        )
    if len(found) > max(MANY, len(train.labels) // 2):
        raise DataError(
            f"data {data!r}: column {column!r} holds {len(found):,} different values in {len(train.labels):,} rows, "
            "which are no classes; name the column of the classes: --set data.label=COLUMN"
        )
    for split in ("dev", "test"):
        for name in sorted(set(splits[split].labels) - found):
            raise DataError(
                f"{splits[split].first_with[name]}: the label {name!r} of {split} is no class of the training rows "
                f"({', '.join(in_order(list(found))[:10])}); correct it, or leave it empty to skip the row"
            )
    return in_order(list(found))
