"""The table of targets as text and as a page."""

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest

from benchmarks import results
from benchmarks.measurement import Measurement, ratio, skipped

LINES = [
    ratio(3, "a step", [(0.8, 1)] * 5, 0.85, note="0.8 s against 1 s"),
    ratio(5, "a text", [(1.2, 1)] * 2, 1.3, at_least=True),
    Measurement(8, "10,000 points", 1.5, None, 2, False, "s", 1),
    skipped(4, "another step", 0.72, "no bf16 instructions"),
]


def test_a_line_says_whether_it_reaches_its_target() -> None:
    assert [results.cells(one)[2:6] for one in LINES] == [
        ["0.800 x (0.800 to 0.800)", "at most 0.85 x", "pass", "5"],
        ["1.200 x", "at least 1.3 x", "short", "2"],
        ["1.500 s", "at most 2 s", "pass", "1"],
        ["-", "at most 0.72 x", "skipped", "0"],
    ]


def test_lines_are_shown_as_they_are_measured(capsys: Any) -> None:
    shown = results.show(one for one in LINES)
    assert shown == LINES
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split()[:2] == ["row", "work"]
    assert printed[1].endswith("0.8 s against 1 s")
    assert [text.split()[0] for text in printed[1:]] == ["3", "5", "8", "4"]


def test_the_page_names_what_falls_short() -> None:
    text = results.page(LINES, {"commit": "abc"}, 12.4)
    assert "2 of 4 lines pass, 1 fall short, 1 are skipped." in text
    assert "| 5 | a text | 1.200 x | at least 1.3 x | short | 2 |  |" in text
    assert "| 4 | another step | - | at most 0.72 x | skipped | 0 | no bf16 instructions |" in text
    assert text.endswith("\n- commit: abc\n- duration: 12 minutes\n")


@pytest.mark.parametrize(("commit", "written"), [("abc+", "abc, with uncommitted changes"), (None, "unknown")])
def test_surroundings(commit: str | None, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "tool_commit", lambda: commit)
    found = results.surroundings()
    assert found["commit"] == written
    for name in ("torch", "ray", "transformers", "peft", "explora-sweep"):
        assert f"{name} {importlib.metadata.version(name)}" in found["versions"]
    assert results.processor() in found["processor"]


def test_the_processor_is_named_as_linux_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: A Chip at 2 GHz\nflags\t\t: sse avx512_bf16 amx_bf16\n")
    monkeypatch.setattr(results, "CPU_INFO", info)
    assert results.processor() == "A Chip at 2 GHz"
    assert results.bf16_flags() == "amx_bf16 avx512_bf16"
    info.write_text("flags\t\t: sse\n")
    assert results.bf16_flags() == "no bf16 instructions"
