"""Settings: bounds in words, defaults, and custom settings classes."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from model.errors import SettingError
from model.settings import Bounds, Settings, build, defaults, keys_of, setting


@dataclass(frozen=True, kw_only=True)
class Own(Settings):
    """Settings of a test."""

    prefix: ClassVar[str] = "own."

    size: int = setting(unit="elements", low=1)
    rate: float | None = setting(None, unit="fraction", above=0, high=1)
    plain: bool = False


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds("n"), ""),
        (Bounds("n", low=1), "at least 1"),
        (Bounds("n", above=0, high=1), "above 0, at most 1"),
        (Bounds("n", low=0, below=1), "at least 0, below 1"),
        (Bounds("n", choices=("a", "b")), "one of a, b"),
    ],
)
def test_bounds_in_words(bounds: Bounds, words: str) -> None:
    assert str(bounds) == words


def test_choices_may_grow() -> None:
    """They are the live names of a registry."""
    registry = {"one": 1}
    bounds = Bounds("name", choices=registry)
    assert bounds.complaint("two") == "must be one of one, got 'two'"
    registry["two"] = 2
    assert bounds.complaint("two") is None


def test_a_setting_without_default_is_asked_for() -> None:
    assert defaults(Own) is None
    with pytest.raises(SettingError, match=r"own\.size: is needed$"):
        build(Own, {})
    with pytest.raises(SettingError, match=r"own\.size: is needed beside own\.rate"):
        build(Own, {"rate": 0.5})
    assert build(Own, {"size": 2}) == Own(size=2)


def test_keys_have_the_prefix() -> None:
    assert keys_of(Own) == {"own.size": int, "own.rate": float | None, "own.plain": bool}


def test_help_lists_the_fields_that_have_bounds() -> None:
    assert Own.__doc__ == (
        "Settings of a test.\n\nSettings:\n"
        "    size: elements (at least 1; must be given)\n"
        "    rate: fraction (above 0, at most 1; default None)"
    )
