"""Predict for rows of the user's own with a trained model, a part of the file at a time."""

import csv
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from model.config import DecodeConfig
from model.data_settings import DataSettings
from model.decoding.generate import generate
from model.errors import DataError
from model.rng import derive_seed
from model.tasks.data.columns import cell, find_columns
from model.tasks.data.formats import explained, read_rows
from model.tasks.labelled import LabelledTask
from sweep.errors import UsageError
from sweep.export.trained import TrainedModel

AT_ONCE = 1024  # rows read, predicted and written together
GENERATED = 32  # prompts continued together
ID = "id"
COURSE = {  # task -> header and separator of the course's files of predictions (CS224N, default final project)
    "paraphrase": ("id \t Predicted_Is_Paraphrase \n", ", "),
    "sentiment": ("id \t Predicted_Sentiment \n", " , "),
}


@dataclass(frozen=True)
class Prediction:
    """What the model predicts for a row."""

    id: Any  # of the row, or its place
    texts: Mapping[str, str]  # by name
    found: Mapping[str, Any]  # predicted and probability, or generated

    def columns(self) -> dict[str, Any]:
        """Return the columns of its row in a table."""
        return {ID: self.id, **self.texts, **self.found}


def predict_file(
    trained: TrainedModel,
    source: Path,
    target: Path,
    *,
    course: bool = False,
    settings: DataSettings | None = None,
    seed: int = 0,
) -> int:
    """Write a prediction for each row of `source` to `target`, and return their number. `target` appears when whole.

    The columns of the texts are those that `settings` name, else those of the run, else found by their usual names.
    Raise UsageError if a file cannot be read or written, or, with `course`, if the course has no file for the task.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"-o: {target} is the input itself; name another file")
    if course and trained.train.task not in COURSE:
        raise UsageError(f"--course: task {trained.train.task} has no such file; it is for {' and '.join(COURSE)}")
    count = 0
    try:
        with _replaced(target) as file, _writer(file, COURSE[trained.train.task] if course else None) as write:
            for prediction in predictions(trained, source, settings, seed):
                write(prediction)
                count += 1
    except DataError as error:
        raise UsageError(f"--input: {error}") from error
    except OSError as error:
        raise UsageError(f"-o: cannot write {target}: {error.strerror or error}") from error
    return count


def predictions(trained: TrainedModel, source: Path, settings: DataSettings | None, seed: int) -> Iterator[Prediction]:
    """Yield the prediction for each row of `source`. Raise DataError."""
    for number, part in enumerate(_parts(trained, source, settings or DataSettings())):
        if isinstance(trained.training.task, LabelledTask):
            found = trained.training.task.predict(trained.model, [texts for _, texts in part])
            names, classes = trained.training.task.names, getattr(trained.training.task, "class_names", None)
            for (place, texts), (label, probability) in zip(part, found, strict=True):
                given = dict(zip(names, texts, strict=True))
                predicted = label if classes is None else classes[label]
                yield Prediction(place, given, {"predicted": predicted, "probability": probability})
            continue
        for start in range(0, len(part), GENERATED):
            rows = part[start : start + GENERATED]
            prompts = [_fitting(trained, source, place, texts[0]) for place, texts in rows]
            own_seed = derive_seed(seed, "prompts", number, start)
            decode = trained.decode or DecodeConfig()
            texts_ = generate(trained.model, trained.tokenizer, prompts, decode, seed=own_seed)
            for (place, (prompt,)), text in zip(rows, texts_, strict=True):
                yield Prediction(place, {"prompt": prompt}, {"generated": text})


def _fitting(trained: TrainedModel, source: Path, place: Any, prompt: str) -> str:
    """Return a prompt as the model reads it. Raise DataError, with its place, if it leaves no room."""
    try:
        return trained.as_prompt(prompt)
    except DataError as error:
        raise DataError(f"{source} {place}: {error}") from error


def _parts(trained: TrainedModel, source: Path, settings: DataSettings) -> Iterator[list[tuple[Any, tuple[str, ...]]]]:
    """Yield the rows of `source`, AT_ONCE at a time: the id, or else the place, and the texts. Raise DataError."""
    task = trained.training.task
    labelled = isinstance(task, LabelledTask)
    roles = ("text", "text2")[: len(task.names)] if isinstance(task, LabelledTask) else ("prompt",)
    columns: Mapping[str, str] = {}
    with explained(source):
        rows = read_rows(source)
        while part := list(islice(rows, AT_ONCE)):
            found = []
            for place, row in part:
                columns = columns or _columns(trained, source, list(row), roles, settings)
                texts = tuple(cell(source, place, row, columns[role], strip=labelled) or "" for role in roles)
                if not texts[0].strip():
                    raise DataError(
                        f"{source} {place}: its {columns[roles[0]]} is empty; fill it, or leave the row out"
                    )
                found.append((row.get(ID, place), texts))
            yield found


def _columns(
    trained: TrainedModel, source: Path, header: list[str], roles: tuple[str, ...], settings: DataSettings
) -> dict[str, str]:
    if roles == ("prompt",) and header == ["text"]:
        return {"prompt": "text"}  # plain text: each paragraph is a prompt
    about = trained.folder.spec.provenance.dataset(trained.point).about or {}
    known = {role: name for role, name in about.get("columns", {}).items() if role in roles and name in header}
    given = {role: getattr(settings, role) for role in roles if getattr(settings, role) is not None}
    return find_columns(source, header, roles, DataSettings(**{**known, **given}))


@contextmanager
def _replaced(target: Path) -> Iterator[Path]:
    """Yield a new file beside `target` that becomes `target` at the end; an error leaves `target` as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        made = Path(folder) / target.name
        yield made
        made.replace(target)


@contextmanager
def _writer(target: Path, course: tuple[str, str] | None) -> Iterator[Callable[[Prediction], None]]:
    """Write predictions to `target` in the format of its ending, or in the course's. Raise UsageError."""
    ending = target.suffix.lower()
    if ending == ".parquet" and course is None:
        with _parquet_writer(target) as write:
            yield write
        return
    if course is None and ending not in (".csv", ".jsonl"):
        raise UsageError(f"-o: {target.name} must end in .csv, .jsonl or .parquet")
    with target.open("w", encoding="utf-8", newline="") as file:
        if course is not None:
            file.write(course[0])
            separator = course[1]
            yield lambda one: _write_line(file, f"{one.id}{separator}{one.found['predicted']} ")
        elif ending == ".jsonl":
            yield lambda one: _write_line(file, json.dumps(one.columns(), ensure_ascii=False))
        else:
            yield _csv_writer(file)


def _write_line(file: TextIO, text: str) -> None:
    file.write(text + "\n")


def _csv_writer(file: TextIO) -> Callable[[Prediction], None]:
    rows = csv.writer(file, lineterminator="\n")
    is_first = True

    def write(one: Prediction) -> None:
        nonlocal is_first
        if is_first:
            rows.writerow(one.columns())
            is_first = False
        rows.writerow(one.columns().values())

    return write


@contextmanager
def _parquet_writer(target: Path) -> Iterator[Callable[[Prediction], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    waiting: list[dict[str, Any]] = []
    writer: Any = None

    def flush() -> None:
        nonlocal writer
        if waiting:
            table = pa.Table.from_pylist(waiting)
            writer = writer or pq.ParquetWriter(target, table.schema)
            writer.write_table(table)
            waiting.clear()

    def write(one: Prediction) -> None:
        waiting.append({**one.columns(), ID: str(one.id)})
        if len(waiting) >= AT_ONCE:
            flush()

    try:
        yield write
        flush()
    finally:
        if writer is not None:
            writer.close()
