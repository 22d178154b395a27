"""The shipped sonnets, the course's format, and files that cannot be used."""

from pathlib import Path

import pytest

from model.errors import DataError
from model.tasks.data.sonnets import find, parse, split_sonnets


def test_the_shipped_sonnets_are_all_there_in_order() -> None:
    sonnets, _ = find(None).read()
    parts = split_sonnets(sonnets)
    assert [len(parts[name]) for name in ("train", "dev", "test")] == [124, 15, 15]
    assert parts["train"][0].text.startswith("From fairest creatures we desire increase,\n")
    assert parts["train"][17].prompt.splitlines()[0] == "Shall I compare thee to a summer's day?"
    assert parts["dev"][0].text.startswith("Were't aught to me I bore the canopy,")
    assert parts["test"][-1].text.endswith("Love's fire heats water, water cools not love.")
    assert all(sonnet.prompt.count("\n") == 3 for sonnet in sonnets)
    lengths = [len(sonnet.text.splitlines()) for sonnet in sonnets]
    assert {length: lengths.count(length) for length in set(lengths)} == {14: 152, 15: 1, 12: 1}


def test_the_courses_format_reads_the_same() -> None:
    """A header, numbers, carriage returns, indentation, trailing spaces."""
    head = "THE SONNETS\r\n\r\nby X\r\n\r\n"
    text = head + "  1\r\n\r\n  one\r\n  two \r\n  three\r\n    four\r\n\r\n2\r\n\r\na\r\nb\r\nc\r\nd\r\ne\r\n"
    first, second = parse(text)
    assert first.text == "one\ntwo\nthree\nfour"
    assert (second.prompt, second.rest) == ("a\nb\nc\n", "d\ne")


def test_a_sonnet_with_nothing_to_continue_is_left_out() -> None:
    assert parse("1\n\na\nb\nc\n\n2\n\na\nb\nc\nd\n") == parse("2\n\na\nb\nc\nd\n")


def test_another_number_of_sonnets_is_split_in_proportion() -> None:
    sonnets, _ = find(None).read()
    assert [len(part) for part in split_sonnets(sonnets[:30]).values()] == [24, 3, 3]
    assert [len(part) for part in split_sonnets(sonnets[:3]).values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the sonnets in"),
        (b"no number anywhere\n", "holds 0 numbered sonnets"),
        (b"1\n\na\nb\nc\nd\n", "holds 1 numbered sonnets"),
        (b"1\n\na\xff\n", "is not UTF-8"),
        (b"", "holds 0 numbered sonnets"),
    ],
)
def test_bad_data_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "sonnets.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        find(str(path)).sha256()
    assert str(path) in str(caught.value)
