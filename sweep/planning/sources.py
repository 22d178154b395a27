"""Bases and data: their content, which is their identity, and the places where they are.

A point names its base and its data as the user spelled them. A run records the content and the absolute place of both,
so that it can be resumed from another folder, and after they were moved.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from model.errors import BaseError, DataError
from model.pretrained.files import BaseFiles, find_base, is_folder
from model.task_specs import TASKS
from model.tasks import Data, find_data
from model.tasks.data.own import OwnData
from sweep.errors import SourceError, SpaceError
from sweep.planning.flat import to_flat
from sweep.planning.plan import Point

T = TypeVar("T")
Places = Mapping[str, str]  # the name of a base or of data (see `base_name` and `data_name`) -> its absolute path
NOWHERE: Places = {}


@dataclass(frozen=True)
class Source:
    """The content of a base or of data, and where it was found."""

    sha256: str
    revision: str | None = None  # its commit on the hub; None if it did not come from one
    place: str | None = None  # the absolute path that it was read from; None if the user gave no path
    about: Mapping[str, Any] | None = None  # how a user's own data were understood: columns, classes, splits


def base_name(point: Point) -> str:
    return f"{point.train.base}@{point.train.revision or ''}"


def data_name(point: Point) -> str:
    train = point.train
    given = to_flat(train.data_settings) if train.data_settings is not None else {}
    return " ".join([f"{train.task}:{train.data or ''}", *(f"{key}={value}" for key, value in given.items())])


def find_base_of(point: Point, places: Places) -> tuple[Source, BaseFiles]:
    """Return the base of `point` and its files. Raise SourceError if it cannot be found or used."""
    train, place = point.train, places.get(base_name(point))
    where, files = _find(
        "base", train.base, place, lambda where: find_base(where, None if where == place else train.revision)
    )
    return Source(files.sha256, files.revision, _absolute(where) if is_folder(where) else None), files


def find_data_of(point: Point, places: Places) -> Source:
    """Return the data of `point`. Raise SourceError if they cannot be found or used."""
    train, place = point.train, places.get(data_name(point))
    where, data = _find(
        "data", train.data, place, lambda where: _checked(find_data(train.task, where, train.data_settings))
    )
    revision = getattr(data[0], "revision", None)
    is_path = where is not None and where not in TASKS[train.task].sets and revision is None
    return Source(data[1], revision, _absolute(where) if is_path else None, _about(data[0]))


def _find(setting: str, value: Any, place: str | None, find: Callable[[Any], T]) -> tuple[Any, T]:
    """Return where `find` finds a base or data, and the result: at its known `place`, else at the user's `value`.

    The user's value is a path that leads to it again after the whole working folder was moved.
    """
    try:
        return (value, find(value)) if place is None else (place, find(place))
    except (BaseError, DataError) as error:
        if place is None:
            raise SourceError(setting, str(error)) from error
        try:
            return value, find(value)
        except (BaseError, DataError):
            message = f"the {setting} {value} of this run was read from {place}: {error}"
            raise SourceError(setting, message) from error


def find_moved(points: Iterable[Point], known: Mapping[str, Source], moved: Mapping[str, Sequence[str]]) -> Places:
    """Return the new places of bases and data that were moved.

    `known` holds the content of every base and data set of `points` by name. `moved` lists new paths under "base" and
    "data"; a path stands for the names whose content it has. Raise SpaceError if it has the content of none.
    """
    found: dict[str, str] = {}
    for setting, paths in moved.items():
        if setting not in ("base", "data"):
            raise SpaceError(f"--set {setting}: a run keeps its settings; only data and base may have another path")
        name_of = base_name if setting == "base" else data_name
        named = {name_of(point): point for point in points}
        for path in paths:
            reason = f"its content is not that of the {setting} of this run"
            same = []
            for name, point in named.items():
                try:
                    if _content(setting, point, path) == known[name].sha256:
                        same.append(name)
                except (BaseError, DataError) as error:
                    reason = str(error)
            if not same:
                raise SpaceError(f"--set {setting}={path}: {reason}")
            found |= dict.fromkeys(same, _absolute(path))
    return found


def _content(setting: str, point: Point, path: str) -> str:
    """Return the hash of the base or data at `path`, as `point` would use it."""
    return (
        find_base(path).sha256
        if setting == "base"
        else find_data(point.train.task, path, point.train.data_settings).sha256()
    )


def _checked(data: Data) -> tuple[Data, str]:
    """Return data and their hash. Raise DataError."""
    return data, data.sha256()


def _about(data: Data) -> dict[str, Any] | None:
    """Return what was understood of a user's own data: columns, classes in order, splits; None for other data."""
    about: dict[str, Any] | None = data.about() if isinstance(data, OwnData) else None
    return about


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
