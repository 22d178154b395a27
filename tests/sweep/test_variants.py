"""Named variants of a space: in the leaderboard, in reports, after a resume, and in searches."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result

from sweep.planning.registry import load_space, render
from sweep.planning.search_space import SearchSpace
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.run_spec import RunSpec

Sweep = Callable[..., Result]
SPACE = '''"""Two named variants."""

from sweep import Space, grid, uniform

space = Space(
    fixed={{"epochs": 1, "batch_size": 2, "data": {data!r}}},
    axes={{"lr": {lr}}},
    decoding={{"max_new_tokens": 6}},
    variants={variants},
)
'''
NAMED = '{"full": {}, "LoRA": {"lora.rank": 2}}'
INLINE = ("--executor", "inline")


@pytest.fixture
def write(tmp_path: Path, poems: Path) -> Callable[..., Path]:
    """Write the space file."""

    def write(variants: str = NAMED, lr: str = "grid(0.01)") -> Path:
        path = tmp_path / "named.py"
        path.write_text(SPACE.format(data=str(poems), lr=lr, variants=variants))
        return path

    return write


def variants_of(run: Path) -> dict[str, str]:
    """The variant of each point."""
    return {row["point_id"]: row["variant"] for row in load_rows(RunFolder(run))}


def test_leaderboard_and_reports_name_them(sweep: Sweep, write: Callable[..., Path], out: Path) -> None:
    assert sweep("run", write(), *INLINE, "--seeds", "2").exit_code == 0
    table = pq.read_table(out / "named" / "leaderboard.parquet")
    assert sorted(table["variant"].to_pylist()) == ["LoRA", "LoRA", "full", "full"]
    assert table.column_names.index("variant") < table.column_names.index("task")
    rows = sweep("report", "named", "--rows", "--wide").output.splitlines()
    assert rows[3].split()[:3] == ["rank", "status", "variant"]
    assert "| variant |" in sweep("report", "named", "--format", "md").output
    assert {one["variant"] for one in json.loads(sweep("report", "named", "--format", "json").output)} == {
        "full",
        "LoRA",
    }
    for by in ("variant", "LoRA vs full"):
        assert "LoRA - full" in sweep("compare", "named", "--by", by).output.replace("full - LoRA", "LoRA - full")


def test_cached_rows_have_the_names_of_their_own_run(sweep: Sweep, write: Callable[..., Path], out: Path) -> None:
    assert sweep("run", write("[{}, {'lora.rank': 2}]"), *INLINE, "--name", "first").exit_code == 0
    assert "variant" not in pq.read_table(out / "first" / "leaderboard.parquet").column_names
    assert sweep("run", write(), *INLINE, "--name", "second").exit_code == 0
    rows = load_rows(RunFolder(out / "second"))
    assert {(row["status"], row["variant"], row.get("lora.rank")) for row in rows} == {
        ("CACHED", "full", None),
        ("CACHED", "LoRA", 2),
    }


def test_names_are_not_part_of_a_run(sweep: Sweep, write: Callable[..., Path], out: Path) -> None:
    """The same points under other names are the same run, which keeps its names."""
    assert sweep("run", write(), *INLINE).exit_code == 0
    assert "nothing is left" in sweep("run", write(NAMED.replace("full", "all weights")), *INLINE).output
    assert [path.name for path in out.iterdir() if path.is_dir()] == ["named"]
    assert set(variants_of(out / "named").values()) == {"full", "LoRA"}


def test_run_json_holds_the_names(sweep: Sweep, write: Callable[..., Path], out: Path) -> None:
    assert sweep("run", write(), *INLINE).exit_code == 0
    spec = RunFolder(out / "named").spec
    again = RunSpec.from_dict(json.loads(json.dumps(spec.as_dict())))
    assert [point.variant for point in again.plan.points] == ["full", "LoRA"]


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_a_search_knows_the_branch_of_each_point(
    sweep: Sweep, write: Callable[..., Path], out: Path, search: str
) -> None:
    space = write(lr="uniform(0.001, 0.02)")
    options = (*INLINE, "--search", search, "--num-samples", "5", "--seeds", "2")
    assert sweep("run", space, *options, "--budget", "3trials").exit_code == 5
    assert sweep("resume", "named", "--budget", "40trials").exit_code == 0
    rows = load_rows(RunFolder(out / "named"))
    assert len(rows) == 10
    assert {(row["variant"], row.get("lora.rank")) for row in rows} == {("full", None), ("LoRA", 2)}


def test_search_space_is_the_same_under_other_names(write: Callable[..., Path]) -> None:
    one, other = (
        SearchSpace.of(load_space(str(write(names, "uniform(0.001, 0.02)"))).space, {}, 1)
        for names in (NAMED, NAMED.replace("full", "other"))
    )
    assert one.as_dict(labels=False) == other.as_dict(labels=False)
    assert SearchSpace.from_dict(json.loads(json.dumps(one.as_dict()))) == one


@pytest.mark.parametrize("command", ["settle", "confirm"])
def test_follow_up_runs_keep_the_names(sweep: Sweep, write: Callable[..., Path], out: Path, command: str) -> None:
    assert sweep("run", write(), *INLINE).exit_code == 0
    options = ("LoRA vs full", "--max-seeds", "3") if command == "settle" else ("--seeds", "2")
    result = sweep(command, "named", *options, *INLINE)
    assert result.exit_code == 0, result.output
    assert set(variants_of(out / f"named-{command}").values()) == {"full", "LoRA"}


def test_space_in_python_is_written_with_its_names(write: Callable[..., Path], tmp_path: Path) -> None:
    space = load_space(str(write())).space
    (tmp_path / "again.py").write_text(render(space))
    assert load_space(str(tmp_path / "again.py")).space.variants == space.variants
