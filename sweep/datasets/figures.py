"""The figures of a data set: rows, classes, lengths and duplicates, as a task and a base read it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from statistics import quantiles

from model.config import TrainConfig
from model.data_settings import DataSettings
from model.errors import BaseError, DataError
from model.pretrained.files import find_base, load_tokenizer, read_config
from model.pretrained.tokenizer import Tokenizer
from model.task_specs import TASKS
from model.tasks import check_tokenizer, find_data
from model.tasks.data.columns import usual_columns
from model.tasks.data.dataset import SPLITS, Dataset
from model.tasks.data.formats import read_rows
from model.tasks.data.own import OwnData
from model.tasks.data.places import find_places
from sweep.errors import SpaceError

GUESSED = ("completion", "pairs", "classification", "text")  # the most particular first
EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """The numbers of tokens of the texts of a split, as the model reads them."""

    shortest: int
    median: float
    p95: float  # 95 of 100 texts are not longer
    longest: int
    cut: int  # texts with more tokens than the base has positions


@dataclass(frozen=True, kw_only=True)
class SplitFigures:
    """One split."""

    rows: int
    skipped: int  # rows without a text or a label
    duplicates: int  # rows whose texts occur in an earlier row of the split
    leaked: int  # rows whose texts occur in train
    classes: Mapping[str, int]  # class -> rows, in the order of the classes
    majority: float | None  # accuracy of answering with the most frequent class of train; None without classes
    lengths: Lengths | None  # None if there is no row


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A data set."""

    data: str
    task: str
    base: str
    positions: int
    columns: Mapping[str, str]
    drawn: str | None  # the shares that were drawn; None if the splits were given
    splits: Mapping[str, SplitFigures]
    examples: tuple[Mapping[str, str], ...]
    warnings: tuple[str, ...]  # what was left out, and what makes scores too high


def guess_task(data: str, settings: DataSettings) -> str:
    """Return the task whose columns the first file of `data` has. Raise SpaceError if it has those of none."""
    try:
        path = next(iter(find_places(data, settings.revision).named.values()))
        header = next((list(row) for _, row in read_rows(path)), [])
    except DataError as error:
        raise SpaceError(str(error)) from error
    for task in GUESSED:
        roles = [role for role in TASKS[task].columns if role != "answers"]
        if set(usual_columns(header, roles, settings)) == set(roles):
            return task
    known = ", ".join(map(repr, header[:12]))
    raise SpaceError(
        f"{path}: which task is it for? It has the columns {known}; add --task {' or '.join(GUESSED)}, and name its "
        "columns: --set data.text=COLUMN"
    )


def figures(data: str, task: str | None, base: str, settings: DataSettings) -> Figures:
    """Return the figures of `data` for `task` (None: guessed from the columns) on `base`. Raise SpaceError."""
    task = task or guess_task(data, settings)
    TrainConfig(task=task, data=data, data_settings=settings)  # raises SettingError if a setting has no effect
    try:
        files = find_base(base)
        tokenizer, positions = load_tokenizer(files), read_config(files).n_positions
        found = find_data(task, data, settings)
        if not isinstance(found, OwnData):
            raise SpaceError(f"--task {task}: it has its own files; use one of {', '.join(GUESSED)}")
        found.check()
        check_tokenizer(task, tokenizer, settings)
        rows = found.dataset
        splits = {split: _split(found, rows, split, tokenizer, positions) for split in SPLITS}
    except (BaseError, DataError) as error:
        raise SpaceError(str(error)) from error
    names = [name for name in ("prompt", "completion", "text", "text2") if name in found.roles]
    shown = islice(zip(rows.splits["train"].texts, rows.splits["train"].labels, strict=True), EXAMPLES)
    return Figures(
        data=data,
        task=task,
        base=base,
        positions=positions,
        columns=rows.columns,
        drawn=rows.drawn,
        splits=splits,
        examples=tuple(
            {**dict(zip(names, texts, strict=True)), **({"label": label} if label else {})} for texts, label in shown
        ),
        warnings=rows.warnings,
    )


def _split(data: OwnData, found: Dataset, split: str, tokenizer: Tokenizer, positions: int) -> SplitFigures:
    rows = found.splits[split]
    counts, train = Counter(rows.labels), Counter(found.splits["train"].labels)
    most = max(found.classes, key=lambda name: train[name], default=None)
    return SplitFigures(
        rows=len(rows.texts),
        skipped=rows.skipped,
        duplicates=len(rows.texts) - len(set(rows.texts)),
        leaked=found.leaked.get(split, 0),
        classes={name: counts[name] for name in found.classes},
        majority=counts[most] / len(rows.labels) if most is not None and rows.labels else None,
        lengths=_lengths([*tokenizer.lengths(data.inputs(split))], positions),
    )


def _lengths(counts: list[int], positions: int) -> Lengths | None:
    if not counts:
        return None
    parts = quantiles(counts, n=20, method="inclusive") if len(counts) > 1 else counts * 19
    return Lengths(
        shortest=min(counts),
        median=parts[9],
        p95=parts[18],
        longest=max(counts),
        cut=sum(count > positions for count in counts),
    )
