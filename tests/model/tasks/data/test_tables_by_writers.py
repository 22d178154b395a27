"""Tables with arbitrary text, written by pandas and csv, read back equal or are refused with a line number."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import DataError
from model.tasks.data.tables import Columns, read_examples

COLUMNS = Columns(texts=(("sentence1",), ("sentence2",)), label=("label",))
ALPHABET = st.one_of(
    st.sampled_from(
        ['"', "\t", "\n", "\r", "\0", "\ufeff", "\u00a0", "\u2028", "\x0b", "\x0c", "\x85", " ", ",", "'", "a"]
    ),
    st.characters(exclude_categories=["Cs"]),
)
# A text with both a tab and a line break may fall apart into fields that look like rows of their own.
TEXT = st.text(ALPHABET, max_size=8).filter(lambda text: "\t" not in text or not {"\r", "\n"} & set(text))
ROWS = st.lists(st.tuples(TEXT, TEXT, st.integers(0, 1)), min_size=1, max_size=50)
HEADER = ("sentence1", "sentence2", "label")


def by_csv(rows: list[tuple[str, str, int]], end: str, bom: bool) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, delimiter="\t", lineterminator=end)
    writer.writerow(HEADER)
    writer.writerows(rows)
    return sink.getvalue().encode("utf-8-sig" if bom else "utf-8")


def by_pandas(rows: list[tuple[str, str, int]], end: str, bom: bool) -> bytes:
    sink = io.StringIO(newline="")
    pd.DataFrame(rows, columns=list(HEADER)).to_csv(sink, sep="\t", index=False, lineterminator=end)
    return sink.getvalue().encode("utf-8-sig" if bom else "utf-8")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "train.tsv"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("writer", [by_csv, by_pandas])
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
def test_written_tables_read_back_equal_or_are_refused(
    table: Path, writer: object, rows: list[tuple[str, str, int]], end: str, bom: bool
) -> None:
    assert callable(writer)
    table.write_bytes(writer(rows, end, bom))
    breaks = any(mark in text for one, other, _ in rows for text in (one, other) for mark in "\t\r\n")
    if breaks:
        with pytest.raises(DataError, match=r"line \d+"):
            list(read_examples(table, COLUMNS, 2))
        return
    found = list(read_examples(table, COLUMNS, 2))
    assert len(found) == len(rows)
    for example, (one, other, label) in zip(found, rows, strict=True):
        if one.strip() and other.strip():
            assert example is not None
            assert (example.texts, example.label) == ((one, other), label)
        else:
            assert example is None
