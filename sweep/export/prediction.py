"""Predict for rows of the user's own with a trained model, a part of the file at a time."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from model.config import DecodeConfig
from model.data_settings import DataSettings
from model.decoding.generate import generate
from model.errors import DataError
from model.rng import derive_seed
from model.tasks.data.columns import cell, find_columns
from model.tasks.data.formats import explained, read_rows
from model.tasks.labelled import LabelledTask
from sweep.errors import UsageError
from sweep.export.course import COURSE, SONNETS, held_out_sonnets
from sweep.export.prediction_file import ID, Prediction, replaced, writer
from sweep.export.trained import TrainedModel

AT_ONCE = 1024  # rows read and predicted together
GENERATED = 32  # prompts continued together


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
    With `course`, `target` has the format of the course CS224N, and for sonnets, `source` is its file of held-out
    sonnets. Raise UsageError if a file cannot be read or written, or if the course has no file for the task.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"-o: {target} is the input itself; name another file")
    if course and trained.train.task not in COURSE:
        raise UsageError(
            f"--course: the course asks for no file of task {trained.train.task}; it does for {', '.join(COURSE)}"
        )
    count = 0
    try:
        with replaced(target) as file, writer(file, COURSE[trained.train.task] if course else None) as write:
            for prediction in predictions(trained, source, settings, seed, course=course):
                write(prediction)
                count += 1
    except DataError as error:
        raise UsageError(f"--input: {error}") from error
    except OSError as error:
        raise UsageError(f"-o: cannot write {target}: {error.strerror or error}") from error
    return count


def predictions(
    trained: TrainedModel, source: Path, settings: DataSettings | None, seed: int, *, course: bool = False
) -> Iterator[Prediction]:
    """Yield the prediction for each row of `source`, or for each sonnet of the course's file. Raise DataError."""
    is_held_out = course and trained.train.task == SONNETS
    found_rows = held_out_sonnets(source) if is_held_out else _rows(trained, source, settings or DataSettings())
    for number, part in enumerate(iter(lambda: list(islice(found_rows, AT_ONCE)), [])):
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


def _rows(trained: TrainedModel, source: Path, settings: DataSettings) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield the rows of `source`: the id, or else the place, and the texts. Raise DataError."""
    task = trained.training.task
    labelled = isinstance(task, LabelledTask)
    roles = ("text", "text2")[: len(task.names)] if isinstance(task, LabelledTask) else ("prompt",)
    columns: Mapping[str, str] = {}
    with explained(source):
        for place, row in read_rows(source):
            columns = columns or _columns(trained, source, list(row), roles, settings)
            texts = tuple(cell(source, place, row, columns[role], strip=labelled) or "" for role in roles)
            if not texts[0].strip():
                raise DataError(f"{source} {place}: its {columns[roles[0]]} is empty; fill it, or leave the row out")
            yield row.get(ID, place), texts


def _columns(
    trained: TrainedModel, source: Path, header: list[str], roles: tuple[str, ...], settings: DataSettings
) -> dict[str, str]:
    if roles == ("prompt",) and header == ["text"]:
        return {"prompt": "text"}  # plain text: each paragraph is a prompt
    about = trained.folder.spec.provenance.dataset(trained.point).about or {}
    known = {role: name for role, name in about.get("columns", {}).items() if role in roles and name in header}
    given = {role: getattr(settings, role) for role in roles if getattr(settings, role) is not None}
    return find_columns(source, header, roles, DataSettings(**{**known, **given}))
