"""Texts longer than the base's positions: told before the run, in run.json and below the report."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.planning.plan import make_plan
from sweep.planning.registry import load_space
from sweep.planning.space import expand
from sweep.store.run_folder import RunFolder

Sweep = Callable[..., Result]
SPACE = '''"""Opinions, some of them long."""

from sweep import Space, grid

space = Space(
    task="sentiment",
    fixed={{"epochs": 1, "batch_size": 8, "lr": 0.01, "lora.rank": 1, "data": {data!r}}},
    axes={{"seed": grid(0, 1)}},
)
'''
NOTICE = "1 of 4 train and 2 of 3 dev texts exceed its 256 positions; their {} is cut (setting: truncate)"


@pytest.fixture
def opinions(tmp_path: Path) -> Path:
    """A space whose data has one long text in train and two in dev."""
    long = "good " * 300
    for split, texts in {"train": ["good", "bad", "fine", long], "dev": ["bad", long, long]}.items():
        rows = [f"{text}\t{n % 2}" for n, text in enumerate(texts)]
        (tmp_path / f"opinions-{split}.tsv").write_text("\n".join(["sentence\tlabel", *rows]) + "\n")
    path = tmp_path / "opinions.py"
    path.write_text(SPACE.format(data=str(tmp_path / "opinions")))
    return path


def test_a_run_tells_once_which_texts_are_cut(
    sweep: Sweep, opinions: Path, out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = sweep("run", opinions, "--executor", "inline")
    assert result.exit_code == 0, result.output
    expected = f"data {opinions.with_suffix('')} on base tiny: {NOTICE.format('tail')}"
    assert caplog.messages.count(expected) == 1
    (stored,) = json.loads((out / "opinions" / "run.json").read_text())["long_texts"]
    assert stored["splits"] == {"train": [1, 4], "dev": [2, 3]}
    (read,) = RunFolder(out / "opinions").spec.long_texts
    assert str(read) == expected
    for form in ("md", "table"):
        report = " ".join(sweep("report", "--format", form).stdout.split())
        assert f"cut: {expected}" in report


def test_a_dry_run_tells_it(sweep: Sweep, opinions: Path, out: Path) -> None:
    said = sweep("run", opinions, "--set", "truncate=head", "--dry-run")
    assert NOTICE.format("head") in said.stdout
    assert not out.exists()


def test_nothing_is_told_of_short_texts(sweep: Sweep, micro: Path, out: Path) -> None:
    result = sweep("run", micro, "--executor", "inline")
    assert result.exit_code == 0
    assert RunFolder(out / "micro").spec.long_texts == ()
    assert "cut" not in sweep("report").stdout


def test_the_cut_part_is_part_of_the_identity(opinions: Path) -> None:
    def plan(**settings: object) -> list[tuple[str, str, str]]:
        points = make_plan(expand(load_space(str(opinions)).space, settings), seeds=1).points
        return [(point.point_id, point.trial_id, point.baseline.trial_id) for point in points]

    assert plan(truncate="tail") == plan()
    for one, other in zip(plan(), plan(truncate="head"), strict=True):
        assert not set(one) & set(other)


def test_a_prompt_without_room_is_found_before_a_worker_starts(sweep: Sweep, micro: Path, out: Path) -> None:
    poems = Path(micro.read_text().split('"data": \'')[1].split("'")[0])
    long = micro.with_name("long.txt")
    long.write_text(poems.read_text().replace("6\n\n", "6\n\n" + "and thee to stay " * 200 + "\n"))
    for extra in ([], ["--dry-run"]):
        result = sweep("run", micro, "--set", f"data={long}", "--executor", "inline", *extra)
        assert result.exit_code == 2
        assert f"{long}: the first 3 lines of poem 6 have" in result.stderr
        assert "leaves no room to continue it in the base's 256 positions" in result.stderr
    assert not out.exists()
