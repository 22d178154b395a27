"""Where a paper may be written, and that nothing is lost."""

import errno
from pathlib import Path

import pytest

from sweep.errors import InfrastructureError, UsageError
from sweep.paper import folder as folder_
from sweep.paper.folder import MARK, is_paper, write_folder

FILES = {"main.tex": r"\documentclass{article}", "results/a.tex": "a", "checklist.md": "# b", "figures/c.pdf": b"%PDF"}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_say_who_wrote_them(tmp_path: Path) -> None:
    write_folder(tmp_path / "deep" / "paper", FILES)
    found = content(tmp_path / "deep" / "paper")
    assert found["main.tex"] == f"% {MARK}\n\\documentclass{{article}}\n".encode()
    assert found["checklist.md"].startswith(f"<!-- {MARK} -->\n".encode())
    assert found["figures/c.pdf"] == b"%PDF"
    assert list((tmp_path / "deep").iterdir()) == [tmp_path / "deep" / "paper"]
    assert is_paper(tmp_path / "deep" / "paper")


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"is not empty, and was not written by `sweep paper`.*add --force"):
        write_folder(tmp_path, FILES)
    assert content(tmp_path) == {"main.tex": b"mine"}
    (tmp_path / "notes.txt").write_text("mine")
    write_folder(tmp_path, FILES, force=True)
    assert content(tmp_path)["notes.txt"] == b"mine"
    assert content(tmp_path)["main.tex"] != b"mine"


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "paper").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        write_folder(tmp_path / "paper", FILES, force=True)


def test_an_earlier_paper_is_replaced_but_not_what_was_added_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "paper"
    folder.mkdir()
    write_folder(folder, {**FILES, "results/old.tex": "old"})
    (folder / "mine.tex").write_text("mine")
    (folder / "figures" / "mine.pdf").write_bytes(b"mine")
    write_folder(folder, {**FILES, "results/a.tex": "new"})
    assert set(content(folder)) == {*FILES, "mine.tex", "figures/mine.pdf"}
    assert content(folder)["results/a.tex"].endswith(b"\nnew\n")


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "paper"
    write_folder(folder, FILES)
    before = content(folder)
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*arguments: object) -> None:
        raise full

    monkeypatch.setattr(folder_.Path, "write_bytes", fail)
    with pytest.raises(InfrastructureError, match="No space left on device; free space"):
        write_folder(folder, {"main.tex": "new"})
    assert content(folder) == before
    assert list(tmp_path.iterdir()) == [folder]
