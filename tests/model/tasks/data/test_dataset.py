"""A user's own data as tasks read it: splits, classes, leakage, what is told."""

import logging
from pathlib import Path

import pandas as pd
import pytest

from model.config import TrainConfig
from model.data_settings import DataSettings
from model.errors import DataError, SettingError
from model.tasks import find_data
from model.tasks.data.columns import class_name, in_order, usual_columns
from model.tasks.data.dataset import Dataset, load_dataset
from model.tasks.data.places import WHOLE, find_places

LABELLED = ("text", "label")


def write(path: Path, count: int, first: int = 0, label: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {"text": [f"text {n}" for n in range(first, first + count)], "label": [n % 2 for n in range(count)]}
    frame = pd.DataFrame(rows if label else {"text": rows["text"]})
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def load(data: Path, roles: tuple[str, ...] = LABELLED, **settings: object) -> Dataset:
    return load_dataset(str(data), roles, DataSettings(**settings))  # type: ignore[arg-type]


def sizes(found: Dataset) -> list[int]:
    return [len(found.splits[split].texts) for split in ("train", "dev", "test")]


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "dev.csv", "test.csv"),
        ("reviews-train.csv", "reviews_valid.parquet", "reviews.test.csv"),
        ("training.csv", "val.csv", "test.csv"),
        ("train/a.csv", "validation/b.csv", "test/c.csv"),
        ("data/train-00000-of-00001.parquet", "data/eval-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
    ],
)
def test_a_folder_of_splits(tmp_path: Path, names: tuple[str, ...]) -> None:
    for place, name in enumerate(names):
        write(tmp_path / name, 4 + place, 10 * place)
    found = load(tmp_path)
    assert sizes(found) == [4, 5, 6]
    assert found.drawn is None
    assert not [note for note in found.notes if "split by" in note]


def test_parts_of_a_split_are_read_in_order(tmp_path: Path) -> None:
    for part in range(3):
        write(tmp_path / f"train-0000{part}-of-00003.parquet", 2, 10 * part)
    write(tmp_path / "test.parquet", 2, 90)
    found = load(tmp_path)
    assert list(found.files) == ["train", "train.1", "train.2", "test"]
    texts = {texts[0] for split in ("train", "dev") for texts in found.splits[split].texts}
    assert texts == {f"text {n}" for n in (0, 1, 10, 11, 20, 21)}
    assert found.drawn == "dev=0.1"
    assert sizes(found) == [5, 1, 2]


def test_the_only_table_of_a_folder_and_a_common_prefix(tmp_path: Path) -> None:
    write(tmp_path / "reviews.csv", 30)
    (tmp_path / "README.md").write_text("about it")
    assert find_places(str(tmp_path), None).files == {WHOLE: (tmp_path / "reviews.csv",)}
    for split in ("train", "dev"):
        write(tmp_path / f"films-{split}.csv", 4)
    assert list(find_places(str(tmp_path / "films"), None).files) == ["train", "dev"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), r"is no file, no folder with files that end in \.csv, .*, and no data set owner/name of a hub"),
        (("one.csv", "two.csv"), r"has no train file among one\.csv, two\.csv; give one file, or put the word train"),
        (("train.csv", "a-train.csv"), "has two train files, a-train.csv and train.csv; move one of them away"),
    ],
)
def test_files_that_make_no_data_are_named(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    for name in names:
        write(tmp_path / name, 4)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_a_column_may_name_the_splits(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [("a", 1, "train"), ("b", 0, "Train"), ("c", 1, "validation"), ("d", 0, "test"), ("e", 1, "test")]
    pd.DataFrame(rows, columns=["text", "label", "split"]).to_csv(path, index=False)
    assert sizes(load(path)) == [2, 1, 2]
    pd.DataFrame(rows, columns=["text", "label", "fold"]).to_csv(tmp_path / "y.csv", index=False)
    assert sizes(load(tmp_path / "y.csv", split="fold")) == [2, 1, 2]
    assert sizes(load(path, split="dev=0.2,test=0.2")) == [3, 1, 1], "drawn shares come before the column"


def test_given_splits_are_not_drawn_again(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        write(tmp_path / f"{split}.csv", 10)
    with pytest.raises(DataError, match="has given splits; omit it, or give one file"):
        load(tmp_path, split="dev=0.1")


def test_a_test_split_needs_no_labels(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", 10)
    write(tmp_path / "dev.csv", 4, 20)
    write(tmp_path / "test.csv", 4, 30, label=False)
    assert sizes(load(tmp_path)) == [10, 4, 0]
    (tmp_path / "test.csv").write_text("text,label\na,-1\nb,-1\n")
    assert sizes(load(tmp_path)) == [10, 4, 0]


def test_leakage_is_counted_and_told(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", 10)
    write(tmp_path / "dev.csv", 10, 7)
    write(tmp_path / "test.csv", 4, 30)
    found = load(tmp_path)
    assert found.leaked == {"dev": 3, "test": 0}
    (warning,) = found.warnings
    assert "3 of 10 dev rows have the text of a training row" in warning


def test_what_was_guessed_and_drawn_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "x.csv", 30)
    find_data("classification", str(path), DataSettings()).sha256()
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert [message.removeprefix(f"{path}: ") for message in caplog.messages] == [
        "text is the column 'text', label is the column 'label'; if that is wrong: --set data.text=COLUMN",
        "2 classes, in this order: 0, 1",
        "split by the rows' content (dev=0.1,test=0.1, seed 0) into 24 train, 3 dev, 3 test",
    ]
    given = find_data("classification", str(path), DataSettings(text="text", label="label"))
    assert "is the column" not in " ".join(given.dataset.notes)  # type: ignore[attr-defined]


def test_changed_files_are_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 30)
    assert sum(sizes(load(path))) == 30
    write(path, 31)
    assert sum(sizes(load(path))) == 31


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["1.0", "1", "3", "-2"], ("-2", "1", "3")),
        (["10", "9", "0.5"], ("0.5", "9", "10")),
        (["b", "B", "a", "10"], ("10", "B", "a", "b")),
        (["True", "False", "true"], ("false", "true")),
        (["1", "01", "1.00", "1_000", "1000", "1e3"], ("01", "1", "1000", "1_000", "1e3")),
    ],
)
def test_labels_are_classes_in_order(labels: list[str], classes: tuple[str, ...]) -> None:
    assert in_order(list(dict.fromkeys(map(class_name, labels)))) == classes


@pytest.mark.parametrize(
    ("header", "roles", "columns"),
    [
        (["ID", "Review_Text", "Stars"], ("text", "label"), {"text": "Review_Text", "label": "Stars"}),
        (
            ["Text", "text_b", "Class"],
            ("text", "text2", "label"),
            {"text": "Text", "text2": "text_b", "label": "Class"},
        ),
        (["premise", "hypothesis"], ("text", "text2", "label"), {"text": "premise", "text2": "hypothesis"}),
        (["question", "answer"], ("prompt", "completion"), {"prompt": "question", "completion": "answer"}),
        (["a", "b"], ("text", "label"), {}),
    ],
)
def test_columns_are_found_by_their_usual_names(
    header: list[str], roles: tuple[str, ...], columns: dict[str, str]
) -> None:
    assert usual_columns(header, roles, DataSettings()) == columns


def test_settings_of_data_belong_to_tasks() -> None:
    assert TrainConfig(task="pairs", data_settings={"split_seed": 0}).data_settings is None  # type: ignore[arg-type]
    for task, setting, users in (
        ("sonnets", "split", "classification or pairs or completion or text"),
        ("sentiment", "text", "classification or pairs or text"),
        ("text", "label", "classification or pairs"),
        ("classification", "answers", "pairs"),
    ):
        with pytest.raises(SettingError, match=f"data.{setting}: has no effect: .*; use task {users}$"):
            TrainConfig(task=task, data_settings={setting: "x"})  # type: ignore[arg-type]


def test_the_hash_tells_how_the_same_bytes_are_read(tmp_path: Path) -> None:
    hashes, rows = [], []
    for name in ("x.csv", "x.txt", "moved.csv"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in ["text", *(f"line {n}" for n in range(30))]))
        found = find_data("text", str(path), DataSettings())
        hashes.append(found.sha256())
        rows.append(sum(sizes(load(path, ("text",)))))
    assert rows == [30, 31, 30]
    assert hashes[0] == hashes[2] != hashes[1], "a name does not matter, but an ending does"


def test_all_files_are_read_by_the_columns_of_the_first(tmp_path: Path) -> None:
    rows = [(f"text {n}", 1 + n % 2, 1 - n % 2) for n in range(4)]
    frame = pd.DataFrame(rows, columns=["review", "stars", "label"])
    frame[["review", "stars"]].to_csv(tmp_path / "train.csv", index=False)
    frame.to_csv(tmp_path / "dev.csv", index=False)
    found = load(tmp_path)
    assert found.columns == {"text": "review", "label": "stars"}
    assert found.splits["dev"].labels == ["1", "2", "1", "2"], "the column label is not that of the training rows"


def test_files_with_other_columns_than_the_first_are_refused(tmp_path: Path) -> None:
    for split, column in (("train", "stars"), ("dev", "label")):
        pd.DataFrame({"text": list("abcd"), column: [0, 1, 0, 1]}).to_csv(tmp_path / f"{split}.csv", index=False)
    with pytest.raises(DataError, match=r"dev.csv line 1: has no column 'stars', which holds the label in .*train.csv"):
        load(tmp_path)


@pytest.mark.parametrize(("classes", "kept"), [((-1, 0, 1), [-1, 0, 1]), ((0, 1, 2), [0, 1])])
def test_minus_one_is_a_class_if_training_rows_have_it(
    tmp_path: Path, classes: tuple[int, ...], kept: list[int]
) -> None:
    """Otherwise it stands for no label in a test split, as on the hub."""
    for split, labels in (("train", classes), ("dev", classes), ("test", (-1, 0, 1))):
        frame = pd.DataFrame({"text": [f"{split} {n}" for n in range(9)], "label": [*labels] * 3})
        frame.to_csv(tmp_path / f"{split}.csv", index=False)
    found = load(tmp_path).splits
    assert sorted({int(name) for name in found["dev"].labels}) == [*classes]
    assert found["test"].labels == [str(number) for number in kept] * 3
