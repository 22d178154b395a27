"""The git commits of the tool and of the user's working folder."""

import subprocess
from pathlib import Path

import pytest

import sweep.planning.commits as commits


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit of the working folder, a checkout with one tracked file."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    (tmp_path / "paper.tex").write_text("one")
    git("add", "paper.tex")
    git("commit", "--quiet", "-m", "first")
    return git("rev-parse", "HEAD")


def test_the_commit_of_the_working_folder(checkout: str) -> None:
    assert commits.folder_commit() == checkout
    Path("paper.tex").write_text("two")
    assert commits.folder_commit() == f"{checkout}+"


def test_no_commit_outside_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert commits.folder_commit() is None


def test_the_commit_of_the_tool_does_not_depend_on_the_working_folder(
    checkout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "commits.py").write_text("")
    monkeypatch.setattr(commits, "__file__", str(package / "commits.py"))
    assert commits.tool_commit() is None, "the checkout around it does not track it"
    git("add", "package/commits.py")
    git("commit", "--quiet", "-m", "second")
    monkeypatch.chdir("/")
    assert commits.tool_commit() == git("-C", str(package), "rev-parse", "HEAD")
