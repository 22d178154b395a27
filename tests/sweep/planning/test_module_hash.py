"""The hash of an extension's code: its file, and the user's own modules that it imports."""

import hashlib
from pathlib import Path

import pytest

from sweep.planning.module_hash import module_sha256

SOURCES = {
    "task.py": "import torch, json\nfrom helper import scale\nimport pack.inner\n",
    "helper.py": "def scale():\n    import deep\n",
    "deep.py": "import task\n",
    "alone.py": "import json\n",
    "other.py": "",
    "pack/__init__.py": "from . import beside\n",
    "pack/inner.py": "from .beside import one\nfrom ..nowhere import two\n",
    "pack/beside.py": "",
    "pack/unused.py": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pack").mkdir()
    for name, source in SOURCES.items():
        (tmp_path / name).write_text(source)
    return tmp_path


def test_a_module_alone_has_the_hash_of_its_file(folder: Path) -> None:
    assert module_sha256(folder / "alone.py", folder) == hashlib.sha256(b"import json\n").hexdigest()


@pytest.mark.parametrize("name", SOURCES)
def test_it_depends_on_what_is_imported_directly_or_not(folder: Path, name: str) -> None:
    before = module_sha256(folder / "task.py", folder)
    (folder / name).write_text(SOURCES[name] + "# edited\n")
    is_used = name not in ("alone.py", "other.py", "pack/unused.py")
    assert (module_sha256(folder / "task.py", folder) != before) == is_used


def test_the_place_of_the_folder_does_not_matter(folder: Path) -> None:
    before = module_sha256(folder / "task.py", folder)
    moved = folder.rename(folder.with_name("elsewhere"))
    assert module_sha256(moved / "task.py", moved) == before


def test_installed_packages_are_not_followed(folder: Path) -> None:
    installed = folder / "site-packages"
    installed.mkdir()
    for name in ("task.py", "helper.py", "deep.py"):
        (folder / name).rename(installed / name)
    expected = hashlib.sha256(SOURCES["task.py"].encode()).hexdigest()
    assert module_sha256(installed / "task.py", installed) == expected
