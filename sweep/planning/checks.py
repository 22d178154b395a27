"""Check the settings and axes of a space one by one, whatever the other settings are, and collect all errors."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from model.config import GROUPS
from model.errors import SettingError
from model.settings import alternatives, check_value
from sweep.errors import SpaceError
from sweep.planning.aliases import meant
from sweep.planning.axes import Axis, Range, as_axis
from sweep.planning.flat import decode_fields, train_fields
from sweep.planning.values import whole

MOST = 10  # errors that are listed; a grid may repeat one with a thousand values


class Problems:
    """The errors found so far, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self._messages: dict[str, None] = {}

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep the message of a SpaceError that the block raises."""
        try:
            yield
        except SpaceError as error:
            self._messages[str(error)] = None

    def check(self) -> None:
        """Raise SpaceError with all messages, if there are any."""
        found = list(self._messages)
        if len(found) == 1:
            raise SpaceError(found[0])
        if found:
            rest = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
            raise SpaceError("\n  ".join([f"{len(found)} errors", *found[:MOST], *rest]))


class Checker:
    """Knows the settings that there are now, with those of imported extensions."""

    def __init__(self) -> None:
        self.fields = {**train_fields(), **decode_fields()}
        self.problems = Problems()

    def key(self, key: str) -> None:
        """Raise SpaceError if there is no setting `key`."""
        known = [*self.fields, *GROUPS]
        if key not in known:
            raise SpaceError(f"unknown name {key!r}: {meant(key, known)}Known: {', '.join(known)}")

    def value(self, key: str, value: Any) -> None:
        """Raise SpaceError if the setting `key` cannot have `value`."""
        if key in GROUPS:
            return
        field, kind = self.fields[key]
        try:
            check_value(key, whole(value, kind), field, kind)
        except SettingError as error:
            raise SpaceError(str(error)) from None

    def axis(self, key: str, axis: Axis) -> None:
        """Raise SpaceError if a setting cannot lie on `axis`, and collect its impossible values.

        The draws of a range are checked when they are drawn.
        """
        if not isinstance(axis, Range):
            for value in axis.values:
                with self.problems.collect():
                    self.value(key, value)
            return
        kinds = alternatives(self.fields[key][1]) if key in self.fields else ()
        if int in kinds and float not in kinds and not axis.is_whole:
            low, high = math.ceil(axis.low), math.floor(axis.high) + 1
            raise SpaceError(
                f"axes[{key!r}]: {axis} draws fractions, but {key} is a whole number; write for example "
                f"randint({low}, {high}), or quniform with a whole number as q"
            )


def named_axis(key: str, value: Any) -> Axis:
    """Return `value` as an axis. Raise SpaceError, naming `key`, if it is not one."""
    try:
        return as_axis(key, value)
    except SpaceError as error:
        message = str(error)
        raise SpaceError(message if message.startswith("axes[") else f"axes[{key!r}]: {message}") from None


def exact(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return `flat` with floats without a fraction as ints, for the settings that are whole numbers."""
    floats = [key for key, value in flat.items() if type(value) is float and value.is_integer()]
    fields = {**train_fields(), **decode_fields()} if floats else {}
    return {**flat, **{key: whole(flat[key], fields[key][1]) for key in floats if key in fields}}
