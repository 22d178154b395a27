"""The page as a file: complete in itself, safe, and the same every time."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.charts.palette import LIGHT
from sweep.charts.registry import CHARTS
from sweep.charts.save import content
from sweep.charts.source import Options, open_source
from sweep.errors import RunError
from sweep.page.page import page
from sweep.store.run_folder import RunFolder
from sweep.testing import ScriptedExecutor, drive
from tests.sweep.charts.conftest import REFERENCE, RUNS
from tests.sweep.page.conftest import HOSTILE, reference_page

Sweep = Callable[..., Result]
SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)


def without_scripts(text: str) -> str:
    return SCRIPT.sub("", text)


@pytest.mark.parametrize("run", RUNS)
def test_a_page_needs_nothing_else(run: str) -> None:
    """No address of another file or server, and at most 1.5 MB."""
    text = reference_page(run)
    markup = without_scripts(text)
    assert len(text.encode()) <= 1_500_000
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(?!#|data:,)[\w/.]""", markup)
    assert "http" not in re.sub(r'http-equiv="Content-Security-Policy"', "", markup)


def test_the_policy_allows_the_scripts_of_the_page_only() -> None:
    text = reference_page("sentiment")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    policy = policy.replace("&#39;", "'")
    data, *scripts = SCRIPT.findall(text)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    listed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert policy.startswith(f"default-src 'none'; script-src {listed}; style-src 'sha256-")
    assert "unsafe" not in policy
    assert set(json.loads(data)) >= {"sentiment-scores", "sentiment-curves", "sentiment-timeline"}


def test_the_same_run_gives_the_same_page() -> None:
    source = open_source(RunFolder(REFERENCE / "sentiment"))
    assert page([source]) == reference_page("sentiment")


def test_hostile_texts_are_texts(hostile_run: Path) -> None:
    text = page([open_source(RunFolder(hostile_run))])
    assert len(re.findall("<script", text.replace("application/json", ""))) == 3  # the charts' data and two scripts
    markup = without_scripts(text)
    assert not [text for text in HOSTILE if text in markup and not text.startswith("javascript:")]
    assert not re.search(r"""=\s*["']?javascript:""", markup)
    assert "&lt;script&gt;window.hacked = 1&lt;/script&gt;" in markup
    assert r"right \u202e to left" in markup
    assert r"\x1b[31mred\x1b[0m" in markup
    assert r"a\u2028line \u2029separator" in markup
    assert not re.search("[\u202e\u2028\u2029\x1b]", text)


def test_hostile_texts_can_be_drawn(hostile_run: Path) -> None:
    """Control characters would abort the process in vl-convert."""
    source = open_source(RunFolder(hostile_run))
    for kind in ("scores", "curves", "slice", "parallel"):
        drawn = content(CHARTS[kind](source, Options(), LIGHT), ".svg").decode()
        assert "<script" not in drawn
        assert "\x1b" not in drawn


def test_a_run_that_has_not_begun(empty_run: RunFolder) -> None:
    text = page([open_source(empty_run)])
    assert "No point has a score yet." in text
    assert "Not drawn: run &#39;" in text
    assert "PENDING" in text


def test_a_run_that_is_going(empty_run: RunFolder) -> None:
    """Half of its trials are finished; it has a ledger and nothing else."""
    drive(empty_run, ScriptedExecutor(), budget=None)
    whole = empty_run.ledger.read_bytes().splitlines(keepends=True)
    empty_run.ledger.write_bytes(b"".join(whole[: len(whole) // 2]))
    empty_run.leaderboard.unlink()
    text = page([open_source(empty_run)])
    assert "COMPLETED" in text
    assert "Best chrf: 40.000" in text


def test_several_runs_on_one_page(sweep: Sweep, tmp_path: Path) -> None:
    target = tmp_path / "new" / "both.html"
    result = sweep("report", "sentiment", "paraphrase", "--html", target, "--out", REFERENCE)
    assert result.exit_code == 0
    assert re.fullmatch(rf"{re.escape(str(target))}: 1\.\d MiB; open it in a browser\n", result.stdout)
    text = target.read_text()
    assert text.count("<article ") == 2
    assert text.count("vegaEmbed=") == 1
    ids = re.findall(r' id="([^"]+)"', without_scripts(text))
    assert len(ids) == len(set(ids))


def test_the_missing_extra_is_named(sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = sweep("report", "sentiment", "--html", tmp_path / "a.html", "--out", REFERENCE)
    assert result.exit_code == 2
    assert "pip install 'explora-sweep[plots]'" in result.stderr


def test_long_tables_are_cut_and_say_so(long_run: RunFolder) -> None:
    """1,200 rows: at most 3 MB, the first 1,000 on the page."""
    text = page([open_source(long_run)])
    assert len(text.encode()) <= 3_000_000
    assert text.count("<tr data-id=") == 1_000
    assert "The first 1000 of 1200 rows" in text


def test_two_runs_of_one_name_are_refused() -> None:
    source = open_source(RunFolder(REFERENCE / "sentiment"))
    with pytest.raises(RunError, match="two runs are named 'sentiment'"):
        page([source, source])


def test_options_that_a_page_does_not_take_are_refused(sweep: Sweep, tmp_path: Path) -> None:
    result = sweep("report", "sentiment", "--html", tmp_path / "a.html", "--top", 1, "--out", REFERENCE)
    assert result.exit_code == 2
    assert "--html and --top do not go together: leave --top out" in result.stderr


def test_a_page_that_cannot_be_written_is_one_error(sweep: Sweep, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = sweep("report", "sentiment", "--html", tmp_path / "file" / "a.html", "--out", REFERENCE)
    assert result.exit_code == 1
    assert "a.html: cannot be written: " in result.stderr


def test_every_set_has_its_charts_and_texts() -> None:
    text = reference_page("sentiment")
    for title in (
        "accuracy of each configuration",
        "dev_loss by epoch",
        "accuracy by freeze",
        "accuracy against training",
    ):
        assert f"{title} (data reviews)" in text or f"{title} time (s) (data reviews)" in text
        assert f"{title} (data verdicts)" in text or f"{title} time (s) (data verdicts)" in text
    assert "rank 1 (data verdicts)" in text
