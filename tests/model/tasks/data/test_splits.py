"""Splits are a function of the rows' content and the seed alone."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from model.data_settings import DataSettings
from model.errors import DataError
from model.tasks.data.dataset import load_dataset
from model.tasks.data.splits import classes_of_texts, draw_splits, parse_shares

ROLES = ("text", "label")


def made_up_rows(number: int) -> list[tuple[str, str]]:
    """Rows of a random number of classes, some of them more than once, some with texts that need quotes."""
    r = random.Random(number)
    words = ['the "rose"', "of, summer", "fades;", "naïve", "🙂", "two\nlines", "007", "x"]
    rows = [
        (f"{' '.join(r.choices(words, k=3))} {r.randrange(60)}", str(r.randrange(r.choice([2, 3, 5]))))
        for _ in range(r.randrange(24, 60))
    ]
    rows += [("the first of a class", "0"), ("the first of another", "1"), ("again", "0"), ("and again", "1")]
    return rows + r.choices(rows, k=4)


def write(rows: list[tuple[str, str]], path: Path) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerows([("id", "text", "label"), *((n, *row) for n, row in enumerate(rows))])
    elif path.suffix == ".jsonl":
        objects = [{"label": int(label), "text": text, "extra": None} for text, label in rows]
        path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects), encoding="utf-8")
    else:
        pd.DataFrame({"text": [text for text, _ in rows], "label": [float(label) for _, label in rows]}).to_parquet(
            path
        )
    return path


def split_of(path: Path, seed: int) -> dict[tuple[str, str], str]:
    found = load_dataset(str(path), ROLES, DataSettings(split="dev=0.15,test=0.1", split_seed=seed))
    return {
        (texts[0], label): split
        for split, rows in found.splits.items()
        for texts, label in zip(rows.texts, rows.labels, strict=True)
    }


@pytest.mark.timeout(300)
def test_order_and_format_do_not_change_a_split(tmp_path: Path) -> None:
    """500 cases: other orders of the rows, written in three formats."""
    for number in range(500):
        rows = made_up_rows(number)
        expected = split_of(write(rows, tmp_path / f"{number}.csv"), number)
        random.Random(number).shuffle(rows)
        ending = ("csv", "jsonl", "parquet")[number % 3]
        assert split_of(write(rows, tmp_path / f"{number}-other.{ending}"), number) == expected
        sides: dict[str, set[str]] = {}
        for (text, _), split in expected.items():
            sides.setdefault(text, set()).add(split)
        assert all(len(each) == 1 for each in sides.values()), "equal texts stand on one side"
        assert set(expected.values()) == {"train", "dev", "test"}


def test_the_split_of_a_seed_never_changes() -> None:
    """On every machine and in every version: runs are resumed and compared by it."""
    rows = {(f"text {n}",): "ab"[n % 2] for n in range(20)}
    drawn = draw_splits(rows, {"dev": 0.1, "test": 0.1}, 0)
    assert {texts[0] for texts, split in drawn.items() if split == "dev"} == DEV
    assert {texts[0] for texts, split in drawn.items() if split == "test"} == TEST
    assert draw_splits(rows, {"dev": 0.1, "test": 0.1}, 1) != drawn


DEV = {"text 4", "text 17"}
TEST = {"text 16", "text 19"}


def test_every_class_has_its_share() -> None:
    labels = ["a"] * 700 + ["b"] * 200 + ["c"] * 97 + ["d"] * 3
    rows = {(f"text {n}",): label for n, label in enumerate(labels)}
    drawn = draw_splits(rows, {"dev": 0.1, "test": 0.2}, 3)
    counts = Counter((split, rows[texts]) for texts, split in drawn.items())
    assert [counts["dev", name] for name in "abcd"] == [70, 20, 10, 0]
    assert [counts["test", name] for name in "abcd"] == [140, 40, 19, 1]
    assert min(counts["train", name] for name in "abcd") >= 1


def test_the_only_text_of_a_class_stays_in_train() -> None:
    rows = {("a",): "x", ("b",): "y", **{(f"{n}",): "z" for n in range(8)}}
    for seed in range(20):
        drawn = draw_splits(rows, {"dev": 0.3, "test": 0.3}, seed)
        assert drawn["a",] == drawn["b",] == "train"


def test_equal_texts_of_two_classes_count_as_one() -> None:
    assert classes_of_texts([("a",), ("b",), ("a",)], ["2", "1", "1"]) == {("a",): "1", ("b",): "1"}


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("dev=0.1,test=0.1", {"dev": 0.1, "test": 0.1}),
        ("dev=.2", {"dev": 0.2}),
        (" dev=0.25 , test=0", {"dev": 0.25, "test": 0.0}),
        ("fold", None),
    ],
)
def test_shares_are_parsed(text: str, shares: dict[str, float] | None) -> None:
    assert parse_shares(text) == shares


@pytest.mark.parametrize("text", ["dev=1.5", "test=0.1", "dev=0.1,dev=0.2", "dev=0.6,test=0.4", "dev=10%", "train=0.8"])
def test_shares_that_make_no_split_are_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"data\.split=.*such as dev=0\.1,test=0\.1|for example dev=0\.1,test=0\.1"):
        parse_shares(text)


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(DataError, match="2 different texts are too few to draw dev and test from"):
        draw_splits({("a",): "", ("b",): ""}, {"dev": 0.1, "test": 0.1}, 0)
    assert sorted(draw_splits({("a",): "", ("b",): "", ("c",): ""}, {"dev": 0.1, "test": 0.1}, 0).values()) == [
        "dev",
        "test",
        "train",
    ]
