"""Finding spaces by name and path, and the errors of broken files."""

from pathlib import Path

import pytest

from sweep.errors import SpaceError
from sweep.planning.registry import load_space, space_paths

GOOD = '"""About."""\nfrom sweep import Space\nspace = Space()\n'


def test_a_name_and_its_path_are_the_same_space() -> None:
    by_name = load_space("lora_rank")
    assert load_space(str(by_name.path)) == by_name
    assert by_name.about.startswith("Which LoRA rank is enough?")


def test_the_folder_at_hand_wins_over_the_shipped_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "lora_rank.py").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert load_space("lora_rank").about == "About."
    assert "lora_scale" in space_paths()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lora_rnk", "unknown space 'lora_rnk': did you mean 'lora_rank'?"),
        ("spaces/lora_rnk.py", "did you mean 'lora_rank'?"),
        ("nowhere/lora_rank.py", "no such file; the space 'lora_rank' is in"),
        ("zzz", "Known: .*lora_rank"),
    ],
)
def test_an_unknown_name_gives_the_nearest(name: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        load_space(name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n\n1 / 0\n", r"bad.py:3: the space file raised ZeroDivisionError"),
        ("def f(:\n", "the space file raised SyntaxError"),
        ("x = 1\n", "must define `space = Space"),
        ("space = {}\n", r"must define `space = Space\(...\)`, but `space` is a dict"),
        ('from sweep import Space\nspace = Space(task="x")\n', "bad.py: task: unknown name 'x'"),
        ("from sweep import Space, grid\nspace = Space(axes={'lr': grid()})\n", "a grid needs at least one value"),
        ("from sweep import Space\nspace = Space(foo=1)\n", "raised TypeError.*foo"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(tmp_path: Path, source: str, message: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    with pytest.raises(SpaceError, match=message) as caught:
        load_space(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
