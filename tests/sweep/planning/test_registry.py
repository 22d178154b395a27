"""Finding spaces by name and path, and the errors of broken files."""

import sys
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
        ("my/own.py", r"my/own.py: no such file"),
        ("own.py", r"own.py: no such file"),
        ("lora_rank.py", r"lora_rank.py: no such file; the space 'lora_rank' is in"),
        (".", "is a folder; give the path of a space file"),
        (__file__.removesuffix("py"), "no such file"),
    ],
)
def test_an_unknown_name_gives_the_nearest(name: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        load_space(name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n\n1 / 0\n", r"bad.py:3: the space file raised ZeroDivisionError"),
        ("x = 1\ndef f(:\n", r"bad.py:2: the space file raised SyntaxError: .*: def f\(:$"),
        ("x = 1\n  y = 2\n", r"bad.py:2: the space file raised IndentationError: unexpected indent: y = 2"),
        ("import sys\n\nsys.exit(0)\n", "bad.py:3: the space file ended Python with exit code 0"),
        (
            "def leave():\n    raise SystemExit('no')\nleave()\n",
            "bad.py:2: the space file ended Python with exit code no",
        ),
        ("exit()\n", "bad.py:1: the space file ended Python with exit code None"),
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


def write_space(folder: Path, width: int, module: str) -> Path:
    """A space file that takes a value from the module beside it."""
    folder.mkdir()
    (folder / f"{module}.py").write_text(f"WIDTH = {width}\n")
    (folder / "own.py").write_text(
        f"from {module} import WIDTH\nfrom sweep import Space\nspace = Space(fixed={{'batch_size': WIDTH}})\n"
    )
    return folder / "own.py"


def test_a_space_file_imports_its_neighbours_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files in one process with neighbours of the same name, one of which is edited."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    one, other = write_space(tmp_path / "a", 2, "shared_x"), write_space(tmp_path / "b", 4, "shared_x")
    sizes = [load_space(str(path)).space.fixed["batch_size"] for path in (one, other, one)]
    assert sizes == [2, 4, 2]
    (one.parent / "shared_x.py").write_text("WIDTH = 1024\n")
    assert load_space(str(one)).space.fixed["batch_size"] == 1024
    assert "shared_x" not in sys.modules


def test_a_broken_neighbour_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = write_space(tmp_path / "a", 2, "shared_y")
    (path.parent / "shared_y.py").write_text("WIDTH = 1\nWIDTH = (\n")
    with pytest.raises(SpaceError, match=r"a/shared_y.py:2: the space file raised SyntaxError: '\(' was never closed"):
        load_space(str(path))
