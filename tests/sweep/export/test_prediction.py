"""Predictions for files of the user's own."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sweep
from model.data_settings import DataSettings
from model.errors import DataError
from model.tasks.data.formats import read_rows
from sweep import Space
from sweep.errors import UsageError
from sweep.export.course import held_out_sonnets
from sweep.export.prediction import predict_file
from sweep.export.trained import TrainedModel, load_trained


def trained(out: Path, settings: dict[str, Any], name: str = "one") -> TrainedModel:
    space = Space(fixed={"epochs": 1, "batch_size": 16, "lr": 0.01, **settings})
    return load_trained(sweep.run(space, name=name, out=out, executor="inline", progress=False).folder)


@pytest.fixture(scope="module")
def opinions(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return trained(tmp_path_factory.mktemp("runs"), {"task": "sentiment", "data": "verdicts"})


def test_predictions_of_a_dev_file_are_the_runs_own(opinions: TrainedModel, tmp_path: Path) -> None:
    """The samples of the run hold the same class and probability for each text."""
    samples = sweep.open_run(opinions.folder.path).samples()
    source = tmp_path / "texts.csv"
    name = opinions.training.task.names[0]  # type: ignore[attr-defined]
    samples[[name]].to_csv(source, index=False)
    for ending, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        target = tmp_path / f"out.{ending}"
        assert predict_file(opinions, source, target) == len(samples)
        found = read(target)
        assert list(found["predicted"].astype(int)) == list(samples["predicted"].astype(int))
        assert list(found["probability"]) == pytest.approx(list(samples["probability"]), abs=1e-6)
    predict_file(opinions, source, tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line[name] for line in lines] == list(samples[name])


def test_the_courses_file_has_ids_and_classes(opinions: TrainedModel, tmp_path: Path) -> None:
    source = tmp_path / "test.csv"
    source.write_text('id,sentence\na7,A dull and endless film\nb9,"Wonderful, moving"\n')
    predict_file(opinions, source, tmp_path / "out.csv", course=True)
    header, *rows = (tmp_path / "out.csv").read_text().splitlines(keepends=True)
    assert header == "id \t Predicted_Sentiment \n"
    assert [row.split(", ")[0] for row in rows] == ["a7", "b9"]
    assert {row.split(", ")[1].strip().isdigit() for row in rows} == {True}


def test_texts_are_generated_for_prompts(tmp_path: Path, poems: Path) -> None:
    model = trained(tmp_path, {"data": str(poems), "decode.max_new_tokens": 5, "decode.top_k": 1})
    source = tmp_path / "prompts.txt"
    source.write_text("Shall I compare thee\n\nWhen in disgrace\nwith fortune\n")
    assert predict_file(model, source, tmp_path / "out.csv") == 2
    rows = [row for _, row in read_rows(tmp_path / "out.csv")]
    assert [row["prompt"] for row in rows] == ["Shall I compare thee", "When in disgrace\nwith fortune"]
    assert all(row["generated"] for row in rows)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("number,mark\n1,2\n", "out.csv", "--input: .* which column holds the text"),
        ("text\nfine\n  \n", "out.txt", "-o: .*out.txt must end in .csv, .jsonl or .parquet"),
    ],
)
def test_bad_files_are_one_clear_error(
    text: str, name: str, message: str, opinions: TrainedModel, tmp_path: Path
) -> None:
    source = tmp_path / "bad.csv"
    source.write_text(text)
    with pytest.raises(UsageError, match=message):
        predict_file(opinions, source, tmp_path / name)


def test_the_command(finished: Path, sweep: Callable[..., Any], tmp_path: Path) -> None:
    source = tmp_path / "prompts.jsonl"
    source.write_text(json.dumps({"prompt": "Shall I"}) + "\n")
    done = sweep("predict", finished, "--input", source, "-o", tmp_path / "out.csv")
    assert done.exit_code == 0, done.output
    assert "out.csv: 1 prediction" in done.output
    with (tmp_path / "out.csv").open() as file:
        assert [row["prompt"] for row in csv.DictReader(file)] == ["Shall I"]


def test_the_input_is_never_the_output(opinions: TrainedModel, tmp_path: Path) -> None:
    source = tmp_path / "texts.csv"
    source.write_text("text\nfine\n")
    with pytest.raises(UsageError, match="is the input itself; name another file"):
        predict_file(opinions, source, source)
    assert source.read_text() == "text\nfine\n"


def test_a_bad_input_leaves_the_output_as_it_was(opinions: TrainedModel, tmp_path: Path) -> None:
    source, target = tmp_path / "texts.csv", tmp_path / "out.csv"
    source.write_text("text\n" + "fine\n" * 2000 + '""\n')
    target.write_text("precious")
    with pytest.raises(UsageError, match="line 2002: its text is empty"):
        predict_file(opinions, source, target)
    assert target.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "texts.csv"]


def test_the_columns_are_the_runs_own(tmp_path: Path) -> None:
    """The run read `summary`, though `review` is a more usual name; --set names another one."""
    kinds = (("dull", "bad"), ("fine", "good"))
    rows = [f"{word} film {n},{word} plot {n},{label}" for word, label in kinds for n in range(20)]
    source = tmp_path / "films.csv"
    source.write_text("review,summary,label\n" + "\n".join(rows) + "\n")
    model = trained(tmp_path, {"task": "classification", "data": str(source), "data.text": "summary"})
    predict_file(model, source, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open() as file:
        found = list(csv.DictReader(file))
    assert {row["text"].rsplit(" ", 1)[0] for row in found} == {"dull plot", "fine plot"}
    assert {row["predicted"] for row in found} <= {"bad", "good"}
    predict_file(model, source, tmp_path / "other.csv", settings=DataSettings(text="review"))
    assert "dull film" in (tmp_path / "other.csv").read_text()


def test_long_prompts_are_named(tmp_path: Path, poems: Path) -> None:
    model = trained(tmp_path, {"data": str(poems), "decode.max_new_tokens": 5})
    source = tmp_path / "prompts.jsonl"
    source.write_text(json.dumps({"prompt": "love " * 400}) + "\n")
    room = r"line 1: a prompt of \d+ tokens leaves no room in the 256 positions of the model; shorten it"
    with pytest.raises(UsageError, match=room):
        predict_file(model, source, tmp_path / "out.csv")


HELD_OUT = """Sonnets
Edited by nobody in 2015


145

Those lips that
  Love's own hand
Breathed forth

146

Poor soul
Pressed with
Why dost thou

"""


def test_the_courses_file_of_sonnets(tmp_path: Path, poems: Path) -> None:
    """It begins as the course's code begins it, and the course's reader finds each whole sonnet in it."""
    model = trained(tmp_path, {"data": str(poems), "decode.max_new_tokens": 5, "decode.top_k": 1})
    source, target = tmp_path / "sonnets_held_out.txt", tmp_path / "predictions" / "generated_sonnets.txt"
    source.write_text(HELD_OUT)
    assert predict_file(model, source, target, course=True) == 2
    text = target.read_text()
    assert text.startswith("--Generated Sonnets-- \n\n\n0\nThose lips that\nLove's own hand\nBreathed forth\n")
    first, second = [part.strip() for part in re.split(r"\n\s*\d+\s*\n", text)[1:]]  # as in its datasets.py
    assert first.startswith("Those lips that\nLove's own hand\nBreathed forth\n")
    assert second.startswith("Poor soul\nPressed with\nWhy dost thou\n")
    assert len(first.splitlines()) > 3
    predict_file(model, source, tmp_path / "again.txt", course=True)
    assert (tmp_path / "again.txt").read_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Those lips that\n", "holds no numbered sonnet; give the course's file, such as sonnets_held_out.txt"),
        ("1\n\nThose lips\n\n2\n\n", "line 5: no line follows the number 2; add the sonnet's lines"),
    ],
)
def test_files_without_held_out_sonnets_are_refused(text: str, message: str, tmp_path: Path) -> None:
    source = tmp_path / "sonnets.txt"
    source.write_text(text)
    with pytest.raises(DataError, match=message):
        list(held_out_sonnets(source))


def test_tasks_that_the_course_does_not_have_are_refused(tmp_path: Path) -> None:
    rows = [f"{word} film {n},{label}" for word, label in (("dull", "bad"), ("fine", "good")) for n in range(10)]
    source = tmp_path / "films.csv"
    source.write_text("text,label\n" + "\n".join(rows) + "\n")
    model = trained(tmp_path, {"task": "classification", "data": str(source)})
    with pytest.raises(UsageError, match="asks for no file of task classification; it does for paraphrase, sentiment"):
        predict_file(model, source, tmp_path / "out.csv", course=True)
