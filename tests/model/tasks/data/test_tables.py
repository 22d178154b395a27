"""Reading tables: the formats, missing labels, and all errors."""

from pathlib import Path

import pandas as pd
import pytest

from model.errors import DataError
from model.tasks.data.tables import Columns, Example, read_examples
from tests.model.tasks.conftest import Write

COLUMNS = Columns(texts=(("sentence1", "question1"), ("sentence2", "question2")), label=("is_duplicate", "label"))
HEADER = ("", "id", "sentence1", "sentence2", "is_duplicate")


def read(path: Path, classes: int | None = 2) -> list[Example | None]:
    return list(read_examples(path, COLUMNS, classes))


def test_course_format_and_plain_format_read_equal(write: Write) -> None:
    rows = [("a?", "b?", "0.0"), ("c?", "d?", "1.0")]
    course = write("course.csv", HEADER, *((n, f"id{n}", *row) for n, row in enumerate(rows)))
    plain = write("plain.tsv", HEADER[1:], *((n, one, other, int(float(y))) for n, (one, other, y) in enumerate(rows)))
    assert read(course) == read(plain) == [Example(("a?", "b?"), 0), Example(("c?", "d?"), 1)]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"a ""b"" c"', 'a "b" c'),
        ('it is "so"', 'it is "so"'),
        ('"', '"'),
        ('"so" it is', '"so" it is'),
        ('"a" or "b"', '"a" or "b"'),
        ('a 5" disk', 'a 5" disk'),
        ('""""', '"'),
    ],
)
def test_quotes_are_text_unless_they_quote_the_field(write: Write, written: str, text: str) -> None:
    path = write("train.csv", HEADER, (0, "x", written, "b", "1.0"), (1, "y", "c", "d", "0.0"))
    assert read(path) == [Example((text, "b"), 1), Example(("c", "d"), 0)]


def test_a_lone_quote_swallows_no_row(write: Write) -> None:
    """With quotes as a CSV reader takes them, all rows between two lone quotes would be one text."""
    rows = [(n, "x", '"' if n in (3, 31) else f"a{n}", "b", n % 2) for n in range(40)]
    found = read(write("train.tsv", HEADER, *rows))
    assert [example.label for example in found if example] == [n % 2 for n in range(40)]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ('"a\tb"', r"line 3 has 6 fields, the header 5: a text contains a tab"),
        ('"a\nb"', r"line 3 is short and has an unclosed quote: a text contains a line break"),
    ],
)
def test_a_field_with_a_tab_or_a_line_break_is_refused(write: Write, field: str, message: str) -> None:
    path = write("train.csv", HEADER, (0, "x", "a", "b", 1), (1, "y", field, "d", 0))
    with pytest.raises(DataError, match=message):
        read(path)


def test_byte_order_mark_and_carriage_returns_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_bytes(b"\xef\xbb\xbfsentence1\tsentence2\tis_duplicate\r\na\tb\t1\r\n")
    assert read(path) == [Example(("a", "b"), 1)]


@pytest.mark.parametrize("label", ["", " ", "-1", "nan"])
def test_a_row_without_a_label_is_left_out(write: Write, label: str) -> None:
    assert read(write("dev.csv", HEADER, (0, "x", "a", "b", label), (1, "y", "c", "d", "1"))) == [
        None,
        Example(("c", "d"), 1),
    ]


def test_rows_that_end_early_or_have_no_text_are_left_out(write: Write) -> None:
    path = write("dev.csv", HEADER, (0, "x", "a"), (1, "y", "", "d", "1"), (2, "z", "e", "f", "1"))
    assert read(path) == [None, None, Example(("e", "f"), 1)]


def test_a_table_without_the_labels_column_has_no_labels(write: Write) -> None:
    assert read(write("test.csv", HEADER[:-1], (0, "x", "a", "b"))) == [None]


def test_json_lines_and_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"question1": "a", "question2": "b", "label": 1},
        {"question1": "c", "question2": "d", "label": -1},
        {"question1": None, "question2": "d", "label": 0},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text(
        '{"question1": "a", "question2": "b", "label": 1}\n{"question1": "c", "question2": "d", "label": null}\n'
    )
    assert read(tmp_path / "x.parquet") == [Example(("a", "b"), 1), None, None]
    assert read(tmp_path / "x.jsonl") == [Example(("a", "b"), 1), None]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.tsv", None, "cannot read"),
        ("x.tsv", b"sentence1\tis_duplicate\na\t1\n", "has no column sentence2 (it has 'sentence1', 'is_duplicate')"),
        ("x.tsv", b"sentence1,sentence2,is_duplicate\na,b,1\n", "its first line must name the columns, separated by"),
        ("x.tsv", b"sentence1\tsentence2\tis_duplicate\na\xff\tb\t1\n", "is not UTF-8 text"),
        ("x.tsv", b"sentence1\tsentence2\tlabel\na\tb\t2\n", "the label of line 2 is '2', which is not 0 or 1"),
        (
            "x.tsv",
            b"sentence1\tsentence2\tlabel\tlabel\na\tb\t0\t1\n",
            "its first line, which must name the columns, names 'label' twice",
        ),
        ("x.tsv", b"sentence1\tsentence2\tlabel\na\tb\tyes\n", "line 2 is 'yes'"),
        ("x.tsv", b"sentence1\tsentence2\tlabel\na\tb\t0.5\n", "line 2 is '0.5'"),
        ("x.tsv", b"sentence1\tsentence2\tlabel\na\tb\tinf\n", "line 2 is 'inf'"),
        ("x.jsonl", b"[1]\n", "is damaged: line 1 is not a JSON object"),
        ("x.jsonl", b"{\n", "is damaged"),
        ("x.parquet", b"PAR1", "is damaged"),
    ],
)
def test_unusable_table_error_names_the_place(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_whole_label_is_valid_if_classes_are_unknown(write: Write) -> None:
    path = write("x.tsv", HEADER[1:], (0, "a", "b", 4), (1, "a", "b", "-2"))
    with pytest.raises(
        DataError, match=r"line 3 is '-2', which is not a whole number from 0; fix the label, or leave it"
    ):
        read(path, classes=None)


@pytest.mark.parametrize("name", ["x.tsv", "x.jsonl", "x.parquet"])
def test_words_for_missing_values_are_text(tmp_path: Path, name: str) -> None:
    words = ["NA", "null", "None", "nan", "#N/A", "1.50", "True"]
    table = pd.DataFrame({"question1": words, "question2": words, "label": [0, 1] * 3 + [0]})
    if name == "x.tsv":
        table.to_csv(tmp_path / name, sep="\t", index=False)
    elif name == "x.jsonl":
        table.to_json(tmp_path / name, orient="records", lines=True)
    else:
        table.to_parquet(tmp_path / name)
    assert [example.texts[0] for example in read(tmp_path / name) if example] == words
