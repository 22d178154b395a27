"""The shipped sonnets, the course's format, and files that cannot be used."""

from pathlib import Path

import pytest

from model.errors import DataError
from model.pretrained.tokenizer import Tokenizer
from model.tasks.data.sonnets import find, parse, split_sonnets


def test_the_shipped_sonnets_are_all_there_in_order() -> None:
    sonnets, _, _ = find(None).read()
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
    (first, second), _ = parse(text)
    assert first.text == "one\ntwo\nthree\nfour"
    assert (second.prompt, second.rest) == ("a\nb\nc\n", "d\ne")


def test_a_sonnet_with_nothing_to_continue_is_left_out() -> None:
    short, whole = "1\n\na\nb\nc\n\n", "2\n\na\nb\nc\nd\n"
    assert parse(short + whole) == (parse(whole)[0], 1)


def test_left_out_poems_are_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "poems.txt"
    path.write_text("".join(f"{n}\n\na\nb\nc\n" + "d\n" * (n % 3 > 0) for n in range(1, 10)))
    assert sum(find(str(path)).size(split) for split in ("train", "dev", "test")) == 6
    find(str(path)).sha256()
    assert caplog.messages == [f"{path}: 3 poems of at most 3 lines are left out"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("numbering", ["{}", "{}.", "{})", "({})", "\f{}", "  {} ", "\u00a0{}"])
def test_every_numbering_and_line_ending_parts_poems(numbering: str, end: str) -> None:
    poems = [[f"{word} {n}" for word in ("one", "two", "three", "four")] for n in range(3)]
    text = end.join(line for n, poem in enumerate(poems) for line in (numbering.format(n + 8), "", *poem, ""))
    sonnets, skipped = parse(f"A header{end}{text}")
    assert [sonnet.text.split("\n") for sonnet in sonnets] == poems
    assert [sonnet.number for sonnet in sonnets] == ["8", "9", "10"]
    assert skipped == 0


def test_a_prompt_that_leaves_no_room_is_named_with_its_poem(tmp_path: Path, small_tokenizer: Tokenizer) -> None:
    path = tmp_path / "poems.txt"
    poems = ["a\nb\nc\nd\n" for _ in range(5)]
    poems[3] = "a\n" + "rose " * 40 + "\nc\nd\n"  # the development split's
    path.write_text("".join(f"{n + 11}.\n{poem}" for n, poem in enumerate(poems)))
    tokens = len(small_tokenizer.encode(find(str(path)).read()[0][3].prompt))
    find(str(path)).check_room(small_tokenizer, tokens + 1)
    with pytest.raises(DataError, match=rf"poems.txt: the first 3 lines of poem 14 have {tokens} tokens"):
        find(str(path)).check_room(small_tokenizer, tokens)


def test_another_number_of_sonnets_is_split_in_proportion() -> None:
    sonnets, _, _ = find(None).read()
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


def poem(number: int, lines: int = 14) -> list[str]:
    return [f"line {place} of poem {number}" for place in range(lines)]


@pytest.mark.parametrize("gap", ["\n\n", "\n \n", "\n\n\n\n"])
def test_unnumbered_poems_are_parted_by_blank_lines(gap: str) -> None:
    sonnets, skipped = parse("\n" + gap.join("\n".join(poem(n, 5)) for n in range(4)) + "\n")
    assert [sonnet.text.splitlines() for sonnet in sonnets] == [poem(n, 5) for n in range(4)]
    assert [sonnet.number for sonnet in sonnets] == ["1", "2", "3", "4"]
    assert skipped == 0


def test_stanzas_of_unnumbered_poems_stay_together_if_two_blank_lines_part_poems() -> None:
    stanzas = "\n\n".join(("a\nb", "c\nd"))
    sonnets, _ = parse("\n\n\n".join([stanzas] * 3))
    assert [sonnet.text for sonnet in sonnets] == ["a\nb\nc\nd"] * 3


# --- the course's files: 131 sonnets to train on, 12 held out of which three lines are given, and their true lines


def write_course(folder: Path, dev: str = "_dev", true: bool = True) -> Path:
    def numbered(poems: dict[int, list[str]]) -> str:
        return "THE SONNETS\n\n" + "\n\n".join(f"{n}\n\n" + "\n".join(lines) for n, lines in poems.items())

    folder.mkdir(exist_ok=True)
    (folder / "sonnets.txt").write_text(numbered({n: poem(n) for n in range(1, 132)}))
    held = {n: poem(n) for n in range(132, 144)}
    (folder / f"sonnets_held_out{dev}.txt").write_text(numbered({n: lines[:3] for n, lines in held.items()}))
    if true:
        (folder / f"TRUE_sonnets_held_out{dev}.txt").write_text(numbered(held))
    return folder


@pytest.mark.parametrize("dev", ["", "_dev"])
@pytest.mark.parametrize("name", [".", "sonnets"])
def test_the_courses_files_are_read_as_they_are(tmp_path: Path, dev: str, name: str) -> None:
    data = find(str(write_course(tmp_path, dev) / name))
    splits = data.splits()
    assert [len(splits[split]) for split in ("train", "dev", "test")] == [131, 12, 0]
    assert splits["dev"][0].prompt.splitlines() == poem(132)[:3]
    assert splits["dev"][-1].rest.splitlines() == poem(143)[3:]
    assert len(data.sha256()) == 64


def test_held_out_sonnets_of_the_test_split_need_no_true_lines(tmp_path: Path) -> None:
    write_course(tmp_path)
    (tmp_path / "sonnets_held_out.txt").write_text("150\n\na\nb\nc\n")
    assert find(str(tmp_path)).size("test") == 0
    (tmp_path / "TRUE_sonnets_held_out.txt").write_text("150\n\na\nb\nc\nd\n")
    assert find(str(tmp_path)).size("test") == 1


def test_held_out_sonnets_that_are_no_good_are_named(tmp_path: Path) -> None:
    write_course(tmp_path, true=False)
    with pytest.raises(DataError, match=r"sonnets_held_out_dev\.txt holds no whole sonnet for dev"):
        find(str(tmp_path)).sha256()
    write_course(tmp_path)
    path = tmp_path / "sonnets_held_out_dev.txt"
    path.write_text(path.read_text().replace("line 1 of poem 140", "something else"))
    with pytest.raises(DataError, match=r"begins with the first 3 lines of poem 140; give files of the same sonnets"):
        find(str(tmp_path)).sha256()
