"""Settings given as text: types, grids, and values with a comma."""

from pathlib import Path

import pytest

from sweep import grid
from sweep.errors import SpaceError
from sweep.planning.overrides import parse_paths, parse_settings


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("epochs=3", 3),
        ("epochs=3.0", 3.0),
        ("epochs=ten", "ten"),
        ("lr=1e-3", 1e-3),
        ("lora=None", None),
        ("lora.rank=2,4", grid(2, 4)),
        ("data=a.txt,b.txt", grid("a.txt", "b.txt")),
        ('data="a,b.txt"', "a,b.txt"),
        ('data="a,b.txt",c.txt', grid("a,b.txt", "c.txt")),
        ("data=x=y.txt", "x=y.txt"),
    ],
)
def test_a_value_has_the_type_of_its_key(pair: str, value: object) -> None:
    (found,) = parse_settings([pair]).values()
    assert found == value
    assert type(found) is type(value)


def test_a_file_with_a_comma_is_not_taken_for_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a,b.txt").write_text("")
    with pytest.raises(SpaceError, match=r"""to name the file a,b.txt, write 'data="a,b.txt"'"""):
        parse_settings(["data=a,b.txt"])
    assert parse_settings(['data="a","b.txt"'])["data"] == grid("a", "b.txt")


@pytest.mark.parametrize("pair", ["epochs", "epochs=", 'data="a,b', 'data="a"b'])
def test_a_text_that_cannot_be_parsed_is_named(pair: str) -> None:
    with pytest.raises(SpaceError, match=f"--set {pair}: "):
        parse_settings([pair])


def test_paths_of_several_pairs_add_up() -> None:
    assert parse_paths(["data=a", 'data="b,c",d', "base=e"]) == {"data": ["a", "b,c", "d"], "base": ["e"]}
