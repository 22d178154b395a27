"""The figures of `sweep data` equal those that pandas computes from the same files."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from model.data_settings import DataSettings
from model.pretrained.files import TINY
from model.pretrained.tokenizer import Tokenizer
from sweep.datasets.figures import Figures, figures, guess_task
from sweep.errors import SpaceError
from tests.model.tasks.data.new_users import write_pairs, write_poems, write_prompts, write_reviews

Sweep = Callable[..., Result]


def write_splits(folder: Path) -> Path:
    """Given splits with duplicates, leakage, empty cells and texts of many lengths."""
    folder.mkdir()
    for split, first, count in (("train", 0, 300), ("dev", 290, 60), ("test", 400, 40)):
        rows = [
            (f"word {n % 250} " * (n % 90 + 1) if n % 37 else "", f"kind {n % 7 % 3}" if n % 41 else None)
            for n in range(first, first + count)
        ]
        rows += rows[5:9]
        pd.DataFrame(rows, columns=["text", "label"]).to_csv(folder / f"{split}.csv", index=False)
    return folder


def frame_of(path: Path) -> pd.DataFrame:
    """The usable rows of a file by pandas, and how many it leaves out."""
    return pd.read_csv(path, dtype=str).dropna().assign(text=lambda frame: frame.text.str.strip())


def check(found: Figures, frames: dict[str, pd.DataFrame], texts: list[str], join: str = "\n") -> None:
    """Compare the figures with those of `frames`, whose columns `texts` the model reads."""
    tokenizer = Tokenizer.from_folder(TINY)
    train = frames["train"]
    known = set(train[texts].itertuples(index=False, name=None))
    for split, frame in frames.items():
        figure = found.splits[split]
        assert figure.rows == len(frame)
        assert figure.duplicates == frame.duplicated(texts).sum()
        if split != "train":
            assert figure.leaked == sum(row in known for row in frame[texts].itertuples(index=False, name=None))
        counts = frame[texts].agg(join.join, axis=1).map(lambda text: len(tokenizer.encode(text)))
        lengths = figure.lengths
        assert lengths is not None
        assert (lengths.shortest, lengths.longest) == (counts.min(), counts.max())
        assert lengths.median == pytest.approx(counts.median())
        assert lengths.p95 == pytest.approx(counts.quantile(0.95))
        assert lengths.cut == (counts > 256).sum()
        if "label" in frame:
            assert dict(figure.classes) == frame.label.value_counts().reindex(sorted(figure.classes)).to_dict()
            assert figure.majority == pytest.approx((frame.label == train.label.value_counts().idxmax()).mean())


def test_given_splits(tmp_path: Path) -> None:
    folder = write_splits(tmp_path / "given")
    found = figures(str(folder), None, "tiny", DataSettings())
    frames = {split: frame_of(folder / f"{split}.csv") for split in ("train", "dev", "test")}
    check(found, frames, ["text"])
    assert found.task == "classification"
    assert found.drawn is None
    assert found.splits["train"].skipped == len(pd.read_csv(folder / "train.csv")) - len(frames["train"])
    assert found.splits["train"].duplicates == 4
    assert found.splits["dev"].leaked > 0
    assert found.splits["train"].lengths.cut > 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("write", "name", "task", "texts"),
    [
        (write_reviews, "reviews.csv", "classification", ["review"]),
        (write_pairs, "pairs.tsv", "pairs", ["sentence_a", "sentence_b"]),
        (write_prompts, "prompts.jsonl", "completion", ["prompt", "completion"]),
        (write_poems, "poems.txt", "text", ["text"]),
    ],
)
def test_files_of_new_users(
    tmp_path: Path, write: Callable[[Path], Path], name: str, task: str, texts: list[str]
) -> None:
    """The rows of drawn splits, taken together, are those of the file."""
    path = write(tmp_path / name)
    found = figures(str(path), None, "tiny", DataSettings())
    assert found.task == task
    if name.endswith("jsonl"):
        frame = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    elif name.endswith("txt"):
        frame = pd.DataFrame({"text": path.read_text().strip().split("\n\n")})
    else:
        frame = pd.read_csv(path, sep=None, engine="python")
    assert sum(figure.rows for figure in found.splits.values()) == len(frame)
    assert [figure.rows for figure in found.splits.values()][1:] == [round(len(frame) / 10)] * 2
    tokenizer = Tokenizer.from_folder(TINY)
    join = "" if task == "completion" else "\n"  # each completion begins with a space
    counts = frame[texts].agg(join.join, axis=1).map(lambda text: len(tokenizer.encode(text)))
    lengths = [figure.lengths for figure in found.splits.values() if figure.lengths is not None]
    assert max(each.longest for each in lengths) == counts.max()
    assert min(each.shortest for each in lengths) == counts.min()
    if task == "classification":
        total = pd.DataFrame([figure.classes for figure in found.splits.values()]).sum()
        assert total.to_dict() == frame.stars.astype(str).value_counts().to_dict()


def test_the_command_shows_all_of_it(sweep: Sweep, tmp_path: Path) -> None:
    folder = write_splits(tmp_path / "given")
    frames = {split: frame_of(folder / f"{split}.csv") for split in ("train", "dev", "test")}
    sizes = ", ".join(f"{len(frame)} {split}" for split, frame in frames.items())
    shown = sweep("data", folder).output
    for part in (
        f"task       classification: sweep run classification --set data={folder}",
        "columns    text = text, label = label",
        f"splits     {sizes} (given)",
        "classes    3, in this order, with their shares of train: kind 0 ",
        "majority   accuracy of always answering with the most frequent class: train 0.",
        "tokens of tiny (median ",
        "exceed 256 positions",
        "duplicates",
        "also in train",
        "warning    ",
        "example 3",
    ):
        assert part in shown
    raw = json.loads(sweep("data", folder, "--format", "json").output)
    assert raw["splits"]["train"]["rows"] == len(frames["train"])


def test_settings_and_the_task_may_be_given(sweep: Sweep, tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "reviews.csv")
    shown = sweep("data", path, "--set", "data.label=mood", "--set", "data.split=dev=0.2,test=0.2").output
    assert "classes    3, in this order, with their shares of train: bad" in shown
    assert "36 train, 12 dev, 12 test (drawn by content: dev=0.2,test=0.2)" in shown
    assert "task       text" in sweep("data", path, "--task", "text", "--set", "data.text=review").output


def test_what_cannot_be_understood_is_one_line(sweep: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    for arguments, message in (
        ((path,), "x.csv: which task is it for? It has the columns 'a', 'b'; add --task completion or pairs or"),
        ((tmp_path / "no.csv",), "is no file, no folder with files that end in .csv"),
        ((path, "--set", "data.txt=a"), "data.txt: is not a setting; did you mean 'data.text'?"),
        ((path, "--set", "data.label=b", "--task", "text"), "data.label: has no effect: task text does not read it"),
        ((path, "--task", "text", "--set", "data.text=a", "--base", "nothing"), "unknown base 'nothing'"),
    ):
        result = sweep("data", *arguments)
        assert result.exit_code == 2
        assert message in result.output
        assert result.output.count("\n") == 1
    with pytest.raises(SpaceError):
        guess_task(str(path), DataSettings())


@pytest.mark.slow
def test_a_hundred_thousand_rows_take_five_seconds(tmp_path: Path) -> None:
    """Of processor time, so that other work on the machine does not count."""
    path = write_pairs(tmp_path / "pairs.tsv", 100_000)
    started = time.process_time()
    found = figures(str(path), None, "tiny", DataSettings())
    assert time.process_time() - started < 5
    assert found.splits["train"].rows == 80_000
