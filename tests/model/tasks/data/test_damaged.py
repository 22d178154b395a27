"""Damaged variants of the files that new users bring: every error names the file, the line and what to do."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from model.data_settings import DataSettings
from model.errors import DataError
from model.tasks import find_data
from tests.model.tasks.data.new_users import write_pairs, write_poems, write_prompts, write_reviews

REVIEWS, PROMPTS, PAIRS, POEMS = "reviews.csv", "prompts.jsonl", "pairs.tsv", "poems.txt"
WRITE = {REVIEWS: write_reviews, PROMPTS: write_prompts, PAIRS: write_pairs, POEMS: write_poems}
TASKS = {REVIEWS: "classification", PROMPTS: "completion", PAIRS: "pairs", POEMS: "sonnets"}
Damage = Callable[[bytes], bytes]


def sub(before: str, after: str) -> Damage:
    def damage(raw: bytes) -> bytes:
        assert before.encode() in raw
        return raw.replace(before.encode(), after.encode(), 1)

    return damage


def line(number: int, text: str) -> Damage:
    """Put `text` in the place of a line."""

    def damage(raw: bytes) -> bytes:
        lines = raw.split(b"\n")
        lines[number - 1] = text.encode()
        return b"\n".join(lines)

    return damage


def latin(number: int) -> Damage:
    """Put a letter in ISO 8859-1 in a line."""

    def damage(raw: bytes) -> bytes:
        lines = raw.split(b"\n")
        lines[number - 1] = lines[number - 1].replace(b"a", b"\xe4", 1)
        return b"\n".join(lines)

    return damage


def every(before: str, after: str) -> Damage:
    return lambda raw: re.sub(before, after, raw.decode(), flags=re.MULTILINE).encode()


CASES: list[tuple[str, Damage, str, str]] = [  # file, damage, what the error names, and its remedy
    (REVIEWS, lambda raw: b"", "has no rows", "give a file with a header line"),
    (REVIEWS, lambda raw: raw.split(b"\n")[0], "has no rows", "give a file with a header line"),
    (REVIEWS, lambda raw: raw.split(b"\n", 1)[1], "line 1: which column holds the text", "add a line that does"),
    (REVIEWS, line(7, "5,A plain, unquoted text,good,4"), "line 7 has 5 fields, the header 4", "in quotation marks"),
    (REVIEWS, line(7, "5,too short"), "line 7 has 2 fields, the header 4", "in quotation marks"),
    (REVIEWS, line(61, '59,"never closed,good,4'), "begins in line 61: a quotation mark opens", "are doubled"),
    (REVIEWS, line(9, '7,"a "quoted" word",good,4'), "begins in line 9", "those inside it are doubled"),
    (REVIEWS, latin(12), "line 12 is not UTF-8", "save it as UTF-8"),
    (REVIEWS, sub("id,review,mood,stars", "id,review,review,stars"), "names 'review' twice", "put a good copy"),
    (REVIEWS, sub("id,review,mood,stars", "id,words,mood,points"), "line 1: which column holds the text", "data.text="),
    (
        REVIEWS,
        sub("id,review,mood,stars", "id,review,mood,points"),
        "line 1: which column holds the label",
        "data.label=",
    ),
    (REVIEWS, every(r",\d$", ",3"), "holds only the class '3'", "needs two"),
    (REVIEWS, every(r",\d$", ","), "has no train row with a text and a label", "fill in some"),
    (REVIEWS, lambda raw: b"\n".join(raw.split(b"\n")[:3]), "are too few to draw", "add rows"),
    (REVIEWS, sub("id,review,mood,stars", "stars,review,mood,number"), "different values in 48 rows", "data.label="),
    (REVIEWS, sub("id,review,mood,stars", "split,review,mood,stars"), "line 2: its split is '0'", "data.split="),
    (PROMPTS, line(5, '{"prompt": "cut off'), "line 5 is not JSON", "put a good copy there"),
    (PROMPTS, line(5, '["a", "b"]'), "line 5 is not a JSON object", "put a good copy there"),
    (PROMPTS, line(5, "{'prompt': 'single quotes'}"), "line 5 is not JSON", "put a good copy there"),
    (PROMPTS, line(5, '{"prompt": ["a"], "completion": "b"}'), "line 5: prompt is a list", "write text there"),
    (PROMPTS, line(5, '{"prompt": {"a": 1}, "completion": "b"}'), "line 5: prompt is a dict", "write text there"),
    (
        PROMPTS,
        every('"completion"', '"wanted"') and every('"(prompt|completion)"', r'"my \1"'),
        "line 1: which column",
        "data.",
    ),
    (PROMPTS, every('"completion": ".*"', '"completion": ""'), "has no train row", "fill in some"),
    (PROMPTS, latin(3), "line 3 is not UTF-8", "save it as UTF-8"),
    (PROMPTS, lambda raw: b"\n\n", "has no rows", "give a file"),
    (PAIRS, line(8, "one\ttwo\tyes\tmore"), "line 8 has 4 fields, the header 3", "a text contains a tab; replace it"),
    (PAIRS, line(8, '"one\ttwo\nthree"\tno'), "line 9 is short and has an unclosed quote", "replace it"),
    (PAIRS, line(8, "one\tt\rwo\tno"), "line 8 has a different line ending", "replace it"),
    (PAIRS, sub("sentence_a\tsentence_b\tsame", "a\tb\tsame"), "line 1: which column holds the text", "data.text="),
    (PAIRS, every(r"\tyes$", "\t-"), "holds only the class 'no'", "needs two"),
    (PAIRS, latin(2), "line 2 is not UTF-8", "save it as UTF-8"),
    (POEMS, lambda raw: b"", "holds 0", "put each sonnet's number"),
    (POEMS, lambda raw: raw.replace(b"\n\n", b"\n"), "holds 1", "put each sonnet's number"),
    (POEMS, lambda raw: re.sub(rb"\n+", b"\n\n", raw), "holds 0", "put each sonnet's number"),
    (POEMS, latin(11), "line 11 is not UTF-8", "save it as UTF-8"),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_damage_is_named_with_its_place_and_a_remedy(tmp_path: Path, number: int) -> None:
    name, damage, place, remedy = CASES[number]
    path = WRITE[name](tmp_path / name)
    settings = None if name == POEMS else DataSettings()
    find_data(TASKS[name], str(path), settings).sha256()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        find_data(TASKS[name], str(path), settings).sha256()
    message = str(caught.value)
    assert name in message
    assert place in message
    assert remedy in message
    assert "\n" not in message


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("reviews.csv.gz", gzip.compress(b"text,label\n" + b"a,1\n" * 9999, mtime=0)[:-20]),
        ("reviews.csv.gz", b"not compressed"),
        ("reviews.csv.zst", b"not compressed"),
        ("reviews.parquet", b"PAR1 and no more"),
        ("reviews.json", b"[1, 2]"),
        ("reviews.json", b"[{"),
    ],
)
def test_damaged_archives_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} is damaged|cannot read .*{name}") as caught:
        find_data("classification", str(tmp_path / name), DataSettings()).sha256()
    assert "put a good copy there" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_that_only_dev_has_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,good\nb,bad\n")
    (tmp_path / "dev.csv").write_text("text,label\nc,good\nd,bda\n")
    with pytest.raises(DataError, match=r"dev\.csv line 3: the label 'bda' of dev is no class .* \(bad, good\); corr"):
        find_data("classification", str(tmp_path), DataSettings()).sha256()


@pytest.mark.parametrize(
    ("row", "column"), [({"text": "cut \ud83d", "label": 1}, "text"), ({"text": "a", "label": "\ude00"}, "label")]
)
def test_half_of_a_character_is_named_with_its_line(tmp_path: Path, row: dict[str, object], column: str) -> None:
    """As JSON holds it if a text was cut within an emoji."""
    path, whole = tmp_path / "x.jsonl", {"text": "whole \U0001f600", "label": 0}
    path.write_text(f"{json.dumps(whole)}\n{json.dumps(row)}\n")
    with pytest.raises(DataError, match=rf"x\.jsonl line 2: {column} holds half of a character; correct it"):
        find_data("classification", str(path), DataSettings()).sha256()


def test_settings_of_columns_and_splits_are_checked(tmp_path: Path) -> None:
    path = write_reviews(tmp_path / REVIEWS)
    for settings, message in (
        (DataSettings(label="star"), "line 1: has no column 'star' (data.label); did you mean 'stars'? it has 'id'"),
        (DataSettings(split="fold"), "line 1: has no column 'fold' (data.split); name the column of splits, or give"),
        (DataSettings(split="dev=2"), "data.split=dev=2: write the shares of dev and test"),
    ):
        with pytest.raises(DataError) as caught:
            find_data("classification", str(path), settings).sha256()
        assert message in str(caught.value)


def test_json_numbers_are_texts(tmp_path: Path) -> None:
    rows = [{"text": n, "label": n % 2 == 0} for n in range(30)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = find_data("classification", str(tmp_path / "x.jsonl"), DataSettings())
    assert data.dataset.classes == ("false", "true")  # type: ignore[attr-defined]
    assert ("17",) in {texts for rows in data.dataset.splits.values() for texts in rows.texts}  # type: ignore[attr-defined]
