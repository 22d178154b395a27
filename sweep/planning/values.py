"""Values that settings and axes accept beside Python's own: numbers of numpy, and whole numbers written as floats."""

from typing import Any

from model.settings import alternatives
from sweep.errors import SpaceError


def plain(value: Any) -> Any:
    """Return a number or text of numpy as Python's own, and other values as they are.

    Raise SpaceError if a number has more digits than its type can hold: numpy.float32(0.1) is 0.10000000149.
    """
    if getattr(value, "ndim", None) != 0 or not callable(getattr(value, "item", None)):
        return value
    found = value.item()
    if isinstance(found, float) and found == found and float(str(value)) != found:
        raise SpaceError(f"{value!r} is {found!r}, not {value!s}; write {value!s} as a number of Python")
    return found


def listed(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values of an axis, given one by one or as one list, range or array."""
    if len(values) == 1 and (isinstance(values[0], list | tuple | range) or getattr(values[0], "ndim", 0) == 1):
        return tuple(values[0])
    return values


def whole(value: Any, kind: Any) -> Any:
    """Return a float without a fraction as an int if `kind`, the type of its setting, has int but not float."""
    kinds = alternatives(kind)
    return int(value) if type(value) is float and int in kinds and float not in kinds and value.is_integer() else value
