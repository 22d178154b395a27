"""Tables and texts of every format, as rows in order: the place of a row, and its cells by column.

Formats: tab-separated and other delimited text, JSON Lines and JSON, Parquet, plain text; the text formats also
compressed with gzip or zstd. Every error names the file, the line and what to do.

The readers are streams over the standard library's parsers and pyarrow: both pandas and pyarrow hide the line of a
damaged row, and guess types, so that "NA" and "007" would no longer be text.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from model.errors import DataError

Row = Mapping[str, Any]
Rows = Iterator[tuple[str, Row]]

COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
SEPARATORS = "\t,;|"
LINE = "\x1f"  # the separator of a table with one column: no text contains it
SAMPLE = 1 << 16  # characters that the separator is chosen by
LONGEST = 2**31 - 1  # characters of a field; the standard library's limit is 131,072
BREAKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # byte order marks of the encodings other than UTF-8

csv.field_size_limit(LONGEST)


def kind_of(path: Path) -> str:
    """Return the ending of a file that tells its format, in lower case and without that of a compression."""
    endings = [ending.lower() for ending in path.suffixes]
    while endings and endings[-1] in COMPRESSED:
        endings.pop()
    return endings[-1] if endings else ""


def read_rows(path: Path) -> Rows:
    """Yield the place ("line 7") and the cells of every row of `path`. Raise DataError."""
    reader = READERS.get(kind_of(path))
    if reader is None:
        raise DataError(f"{path} has no known format; give a file that ends in {', '.join(READERS)}, or these with .gz")
    with explained(path):
        yield from reader(path)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise DataError, with the file and the remedy, for whatever goes wrong in reading `path`."""
    try:
        yield
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(f"{path} {_bad_line(path)}is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except (csv.Error, ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged: {str(error).splitlines()[0]}; put a good copy there") from error
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise DataError(f"cannot read {path}: {reason}; put a good copy there") from error


@contextmanager
def opened(path: Path, newline: str | None = "") -> Iterator[io.TextIOWrapper]:
    """Open a text file, uncompressed on the way. A byte order mark is left out."""
    with open_bytes(path) as raw:
        encoding = BREAKS.get(raw.peek(2)[:2], "utf-8-sig")
        yield io.TextIOWrapper(raw, encoding=encoding, newline=newline)


@contextmanager
def open_bytes(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file as bytes, uncompressed on the way."""
    compression = COMPRESSED.get(path.suffix.lower())
    if compression is None:
        with path.open("rb") as raw:
            yield raw
        return
    import pyarrow  # only compressed files need it

    with path.open("rb"), pyarrow.input_stream(str(path), compression=compression) as stream:
        yield io.BufferedReader(stream, SAMPLE)


def _bad_line(path: Path) -> str:
    """Return "line N " for the first line of `path` that is not UTF-8."""
    with open_bytes(path) as raw:
        for number, line in enumerate(raw, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"line {number} "
    return ""


# --- delimited text


def delimited(path: Path) -> Rows:
    """Yield the rows of a table whose separator is found by trying."""
    with opened(path) as file:
        separator = find_separator(file.read(SAMPLE))
    with opened(path) as file:
        yield from tab_separated(file) if separator == "\t" else separated(file, separator)


def find_separator(text: str) -> str:
    """Return the separator that parts the first lines of `text` into the most fields, as many in all of them."""
    best, score = LINE, (0.0, 1)
    for separator in SEPARATORS:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        try:
            widths = [len(fields) for fields, _ in zip(lines, range(50), strict=False) if fields]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            found = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
            best, score = (separator, found) if found > score else (best, score)
    return best


def separated(lines: Iterable[str], separator: str) -> Rows:
    """Yield the rows of a table in which a text with separators, quotation marks or line breaks is quoted (RFC 4180).

    Raise ValueError, with the line, if a row has another number of fields than the header or a quote stays open.
    """
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header: list[str] = []
    named = 0  # columns up to the last one with a name
    while True:
        first = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            reason = "a quotation mark opens that nothing closes" if "end of data" in str(error) else str(error)
            raise ValueError(
                f"the row that begins in line {first}: {reason}; a text with quotation marks is put in quotation "
                "marks, and those inside it are doubled"
            ) from error
        if fields is None:
            return
        if not fields:  # a blank line
            continue
        if not header:
            header = checked_header([name.strip() for name in fields])
            named = max((place for place, name in enumerate(header, start=1) if name), default=0)
            continue
        if len(fields) < named or any(fields[len(header) :]):  # columns without a name may be left out
            raise ValueError(
                f"line {first} has {len(fields)} fields, the header {len(header)}: put a text that contains "
                f"{separator!r} in quotation marks"
            )
        yield f"line {first}", dict(zip(header, fields, strict=False))


def checked_header(header: list[str]) -> list[str]:
    """Return `header`. Raise ValueError if it names a column twice."""
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise ValueError(f"its first line, which must name the columns, names {twice[0]!r} twice")
    return header


def tab_separated(file: Iterable[str]) -> Rows:
    """Yield the rows of tab-separated text, in which quotation marks are text unless they enclose a whole field."""
    lines = csv.reader(_equal_ends(file), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = checked_header([_unquoted(name) for name in next(lines, [])])
    was_open = False  # whether the previous line has an unclosed quoted field
    for fields in lines:
        if fields:  # skip blank lines
            _check_width(fields, len(header), lines.line_num, was_open)
            was_open = any(field.startswith('"') and _unquoted(field) == field for field in fields)
            row = dict(zip(header, map(_unquoted, fields), strict=False))
            yield f"line {lines.line_num}", {**dict.fromkeys(header), **row}


def _equal_ends(lines: Iterable[str]) -> Iterator[str]:
    """Yield `lines`. Raise ValueError if line endings are mixed, because one then lies inside a text."""
    first = None
    for number, line in enumerate(lines, start=1):
        end = line[-1:] if line.endswith(("\r", "\n")) else first
        first = first or end
        if end != first:
            raise ValueError(f"line {number} has a different line ending: a text contains a line break; replace it")
        yield line


def _unquoted(field: str) -> str:
    """Return a field without enclosing quotation marks."""
    inner = field[1:-1]
    is_quoted = len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if is_quoted else field


def _check_width(fields: list[str], width: int, line: int, was_open: bool) -> None:
    """Raise ValueError if a text seems to contain a tab or a line break, which makes the fields ambiguous."""
    if len(fields) > width:
        raise ValueError(f"line {line} has {len(fields)} fields, the header {width}: a text contains a tab; replace it")
    last = fields[-1]
    if len(fields) < width and (was_open or (last.startswith('"') and _unquoted(last) == last)):
        raise ValueError(f"line {line} is short and has an unclosed quote: a text contains a line break; replace it")


# --- other formats


def json_lines(path: Path) -> Rows:
    """Yield the objects of JSON Lines, or those of one JSON list."""
    with opened(path, newline=None) as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.lstrip().startswith("[") and kind_of(path) == ".json":
                yield from _json_list(line + file.read())
                return
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number} is not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not a JSON object")
            yield f"line {number}", row


def _json_list(text: str) -> Rows:
    for number, row in enumerate(json.loads(text), start=1):
        if not isinstance(row, dict):
            raise ValueError(f"item {number} of its list is not a JSON object")
        yield f"item {number}", row


def parquet(path: Path) -> Rows:
    import pyarrow.parquet  # slow to import

    with pyarrow.parquet.ParquetFile(path) as file:
        rows = (row for batch in file.iter_batches(batch_size=1000) for row in batch.to_pylist())
        yield from ((f"row {number}", row) for number, row in enumerate(rows, start=1))


def plain(path: Path) -> Rows:
    """Yield the paragraphs of plain text (its lines, if no line is blank) as the column `text`."""
    with opened(path, newline=None) as file:
        lines = [(number, line.rstrip("\n")) for number, line in enumerate(file, start=1)]
    paragraphs = [list(group) for filled, group in groupby(lines, lambda line: bool(line[1].strip())) if filled]
    if len(paragraphs) == 1:
        paragraphs = [[line] for line in paragraphs[0]]
    for paragraph in paragraphs:
        yield f"line {paragraph[0][0]}", {"text": "\n".join(line for _, line in paragraph)}


READERS: dict[str, Callable[[Path], Rows]] = {
    ".csv": delimited,
    ".tsv": delimited,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_lines,
    ".parquet": parquet,
    ".txt": plain,
}
