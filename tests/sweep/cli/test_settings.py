"""`sweep settings` describes every setting of the schema."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest
from click.testing import Result

from model.settings import Settings, setting
from sweep.cli.settings import Described, describe
from sweep.planning.flat import decode_keys, train_keys

Sweep = Callable[..., Result]


def test_every_setting_is_listed_in_the_order_of_the_schema(sweep: Sweep) -> None:
    lines = sweep("settings").stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [*train_keys(), *decode_keys()]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("lora.rank", ["required", "int, at least 1", "rank of the adapter"]),
        ("optimizer", ["adamw", "adamw, soap"]),
        ("decode.top_p", ["None", "float, above 0, at most 1", "probability mass"]),
        ("base", ["tiny", "text"]),
    ],
)
def test_a_setting_has_its_default_bounds_and_unit(sweep: Sweep, name: str, parts: list[str]) -> None:
    _, line = sweep("settings", name).stdout.splitlines()
    assert line.split()[0] == name
    assert [part for part in parts if part not in line] == []


def test_a_group_is_listed_alone(sweep: Sweep) -> None:
    lines = sweep("settings", "lora").stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["lora.rank", "lora.scale", "lora.dropout"]


@pytest.mark.parametrize(
    ("name", "near"), [("lora.rnk", "lora.rank"), ("rank", "lora.rank"), ("lor", "lora"), ("epoch", "epochs")]
)
def test_an_unknown_name_comes_back_with_the_nearest(sweep: Sweep, name: str, near: str) -> None:
    result = sweep("settings", name)
    assert result.exit_code == 2
    assert result.stderr == f"Error: unknown setting {name!r}: did you mean {near!r}? `sweep settings` lists them all\n"


def test_a_name_like_no_other_is_unknown(sweep: Sweep) -> None:
    assert "unknown setting 'xyzzy': `sweep settings`" in sweep("settings", "xyzzy").stderr


@dataclass(frozen=True, kw_only=True)
class Inner(Settings):
    prefix: ClassVar[str] = "inner."
    size: int = setting(unit="size of the inner thing", low=2)


@dataclass(frozen=True, kw_only=True)
class Outer(Settings):
    inner: Inner | None = None
    share: float = setting(0.5, unit="share of it", above=0, high=1)


def test_a_new_group_of_settings_appears_by_itself() -> None:
    assert list(describe(Outer)) == [
        Described("inner.size", "required", "int, at least 2", "size of the inner thing"),
        Described("share", "0.5", "float, above 0, at most 1", "share of it"),
    ]
