"""Reading rows of every format: places, cells, quoting, encodings, compression."""

import csv
import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import DataError
from model.tasks.data.formats import find_separator, read_rows

ROWS = [
    {"text": 'she said "no", twice', "label": "bad"},
    {"text": "two\nlines; and | more", "label": "good"},
    {"text": "ümläut 🙂\u2028", "label": "007"},
]


def cells(path: Path) -> list[dict[str, object]]:
    return [dict(row) for _, row in read_rows(path)]


@pytest.mark.parametrize("separator", [",", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.csv.gz", "x.CSV.zst"])
def test_delimited_text_reads_as_written(tmp_path: Path, separator: str, end: str, encoding: str, name: str) -> None:
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, ["text", "label"], delimiter=separator, lineterminator=end)
    writer.writeheader()
    writer.writerows(ROWS)
    raw = sink.getvalue().encode(encoding)
    if name.endswith("gz"):
        raw = gzip.compress(raw)
    elif name.endswith("zst"):
        raw = pa.compress(raw, codec="zstd", asbytes=True)
    (tmp_path / name).write_bytes(raw)
    assert cells(tmp_path / name) == ROWS


def test_places_are_lines_even_after_a_text_with_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('text,label\n"a\nb\nc",1\n\nd,2\n')
    assert [place for place, _ in read_rows(path)] == ["line 2", "line 6"]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a\tb\n1, or 2\t3\n", "\t"),
        ("a;b\n1,5;2\n", ";"),
        ("a|b|c\n1;2|3|4\n", "|"),
        ("text\none, two\nthree, four\n", "\x1f"),
        ('"a, b";c\nd;e\n', ";"),
        ("", "\x1f"),
    ],
)
def test_the_separator_parts_all_lines_alike(text: str, separator: str) -> None:
    assert find_separator(text) == separator


def test_one_column_needs_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('haiku\nold pond, a frog\n"so, ""still"""\n')
    assert cells(path) == [{"haiku": "old pond, a frog"}, {"haiku": 'so, "still"'}]


def test_unnamed_columns_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("v1,v2,,\nham,one,,\nspam,two\nham,three,four,\nham,five,,,,\n")
    assert [row["v2"] for row in cells(path)] == ["one", "two", "three", "five"]


def test_json_lines_and_json_lists(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\ufeff" + "".join(json.dumps(row) + "\n\n" for row in ROWS))
    (tmp_path / "x.json").write_text(json.dumps(ROWS, indent=1))
    (tmp_path / "y.json").write_text("\n".join(map(json.dumps, ROWS)))
    assert cells(tmp_path / "x.jsonl") == cells(tmp_path / "x.json") == cells(tmp_path / "y.json") == ROWS
    assert [place for place, _ in read_rows(tmp_path / "x.jsonl")] == ["line 1", "line 3", "line 5"]


def test_parquet(tmp_path: Path) -> None:
    pd.DataFrame(ROWS).to_parquet(tmp_path / "x.parquet")
    assert cells(tmp_path / "x.parquet") == ROWS


def test_plain_text_is_read_by_paragraph_or_by_line(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("\n\na\n b\n\n \nc\n")
    (tmp_path / "y.txt").write_text("a\nb\n")
    assert list(read_rows(tmp_path / "x.txt")) == [("line 3", {"text": "a\n b"}), ("line 7", {"text": "c"})]
    assert list(read_rows(tmp_path / "y.txt")) == [("line 1", {"text": "a"}), ("line 2", {"text": "b"})]


TEXT = st.text(st.one_of(st.sampled_from('",;\t\n| a'), st.characters(exclude_categories=["Cs", "Cc"])), max_size=8)


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(st.tuples(TEXT, TEXT, st.integers(0, 9)), min_size=1, max_size=20))
def test_tables_written_by_pandas_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.csv"
    pd.DataFrame(rows, columns=["one", "two", "n"]).to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    assert [(row["one"], row["two"], int(str(row["n"]))) for row in cells(path)] == rows


def test_a_format_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"x\.xlsx has no known format; give a file that ends in \.csv"):
        cells(tmp_path / "x.xlsx")


def test_fields_may_be_long(tmp_path: Path) -> None:
    """Longer than the limit of 131,072 characters that the standard library sets."""
    text = 'he said "yes", ' * 20_000
    pd.DataFrame({"text": [text], "label": [1]}).to_csv(tmp_path / "x.csv", index=False)
    assert cells(tmp_path / "x.csv") == [{"text": text, "label": "1"}]
    (tmp_path / "x.tsv").write_text(f"text\tlabel\n{'a' * 200_000}\t1\n")
    assert [len(str(row["text"])) for row in cells(tmp_path / "x.tsv")] == [200_000]
