"""Objects named `module:name`: import, validation and hashing."""

import hashlib
import sys
from pathlib import Path

import pytest

from sweep.errors import ExtensionError
from sweep.planning.importing import import_object, is_extension, make_importable, neighbours


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that modules are imported from."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    make_importable([tmp_path])
    return tmp_path


@pytest.mark.parametrize(("name", "expected"), [("a:b", True), ("adamw", False), (None, False), (3, False)])
def test_colon_marks_an_extension(name: object, expected: bool) -> None:
    assert is_extension(name) is expected


def test_a_folder_is_searched_last_and_once(folder: Path) -> None:
    make_importable([folder])
    assert sys.path.count(str(folder)) == 1
    assert sys.path[-1] == str(folder)


def test_an_object_comes_with_its_file(folder: Path) -> None:
    (folder / "plain_module_x.py").write_text("number = 7")
    found, origin = import_object("plain_module_x:number", int)
    assert found == 7
    assert (origin.file, origin.folder) == (folder / "plain_module_x.py", str(folder))
    assert origin.sha256 == hashlib.sha256(b"number = 7").hexdigest()


def test_a_module_of_a_package_starts_from_the_folder_above_it(folder: Path) -> None:
    package = folder / "package_x" / "inner"
    package.mkdir(parents=True)
    for path in (folder / "package_x" / "__init__.py", package / "__init__.py", package / "module.py"):
        path.write_text("number = 7")
    for name in ("package_x", "package_x.inner", "package_x.inner.module"):
        assert import_object(f"{name}:number", int)[1].folder == str(folder)


@pytest.mark.parametrize(
    ("module", "source", "message"),
    [
        ("absent_x", None, "cannot import absent_x:number: ModuleNotFoundError"),
        ("empty_x", "", "cannot import empty_x:number: AttributeError"),
        ("leaving_x", "raise SystemExit(0)", "cannot import leaving_x:number: SystemExit"),
        ("failing_x", "1 / 0", "cannot import failing_x:number: ZeroDivisionError"),
        ("broken_x", "def", "cannot import broken_x:number: SyntaxError"),
        ("text_x", "number = 'seven'", "text_x:number must be of type int, not str"),
    ],
)
def test_import_failures_are_one_error(folder: Path, module: str, source: str | None, message: str) -> None:
    if source is not None:
        (folder / f"{module}.py").write_text(source)
    with pytest.raises(ExtensionError) as caught:
        import_object(f"{module}:number", int)
    assert str(caught.value).startswith(message)


def test_an_edit_after_the_import_is_noticed(folder: Path) -> None:
    path = folder / "edited_module_x.py"
    path.write_text("number = 7")
    _, origin = import_object("edited_module_x:number", int)
    origin.check_unchanged()
    path.write_text("number = 8")
    with pytest.raises(ExtensionError, match="was edited after this process imported it"):
        origin.check_unchanged()


def test_a_module_of_the_same_name_elsewhere_is_noticed(tmp_path: Path, folder: Path) -> None:
    """A second space file in one process, whose extension is another file."""
    (folder / "twin_module_x.py").write_text("number = 7")
    _, origin = import_object("twin_module_x:number", int)
    other = tmp_path / "other"
    other.mkdir()
    (other / "twin_module_x.py").write_text("number = 8")
    with neighbours(other):
        pass
    with pytest.raises(ExtensionError, match=rf"not the one in {other}: start Python again"):
        origin.check_unchanged()
    with neighbours(folder):
        pass
    origin.check_unchanged()
