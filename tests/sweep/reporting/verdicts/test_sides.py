"""The sides of comparisons, and tables of other tools."""

from pathlib import Path

import pandas as pd
import pytest

from sweep.errors import RunError
from sweep.reporting.verdicts.scored import from_file, from_rows
from sweep.reporting.verdicts.sides import comparisons, pairs_of, sides_of, tuned
from sweep.statistics.verdict import judge
from tests.sweep.made_up import row, rows_of


def grid(seeds: int = 3) -> list:
    """Two ranks and two rates; rank 8 adds 2, rate 0.2 adds 1, each seed adds its number."""
    return [
        row({"lora.rank": rank, "lr": lr}, seed, chrf=40.0 + 2 * (rank == 8) + (lr == 0.2) + seed, dev_loss=3.0)
        for rank in (2, 8)
        for lr in (0.1, 0.2)
        for seed in range(seeds)
    ]


def test_a_setting_is_compared_over_the_others() -> None:
    one, other = sides_of(from_rows(grid(), None), "lora.rank")
    assert (one.name, other.name) == ("lora.rank=2", "lora.rank=8")
    (found,) = comparisons([(one, other)])
    assert found.name == "lora.rank=2 - lora.rank=8"
    assert [a - b for a, b in zip(found.one, found.other, strict=True)] == [-2.0] * 3


def test_sides_use_the_settings_that_both_have() -> None:
    rows = [one for one in grid() if not (one["lora.rank"] == 8 and one["lr"] == 0.1)]
    (found,) = comparisons(pairs_of(sides_of(from_rows(rows, None), "lora.rank")))
    assert [a - b for a, b in zip(found.one, found.other, strict=True)] == [-2.0] * 3


def test_every_side_is_compared_with_one() -> None:
    table = from_rows([row({"lr": lr}, seed, chrf=10 * lr + seed) for lr in (0.1, 0.2, 0.3) for seed in (0, 1)], None)
    sides = sides_of(table, "lr")
    for against in ("lr=0.2", "0.2"):
        assert [one.name for one in comparisons(pairs_of(sides, against))] == ["lr=0.1 - lr=0.2", "lr=0.3 - lr=0.2"]
    assert len(pairs_of(sides)) == 3
    with pytest.raises(RunError, match=r"--against 0.4: is not a side; .*The sides: lr=0.1, lr=0.2, lr=0.3"):
        pairs_of(sides, "0.4")


def test_two_selections() -> None:
    table = from_rows(grid(), None)
    (found,) = comparisons(pairs_of(sides_of(table, "lora.rank=8 lr=1e-1 vs lora.rank=2 lr=0.2")))
    assert [a - b for a, b in zip(found.one, found.other, strict=True)] == [1.0] * 3


def test_variants_go_first() -> None:
    rows = [row({"lr": lr}, seed, variant=name, chrf=1.0) for lr, name in ((0.1, "a"), (0.2, "b")) for seed in (0, 1)]
    assert [side.name for side in sides_of(from_rows(rows, None), None)] == ["a", "b"]
    assert [side.name for side in sides_of(from_rows(rows, None), "b vs a")] == ["b", "a"]


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (None, "name what to compare with --by. What varies: lora.rank, lr"),
        ("lora.rnk", "does not vary here; did you mean 'lora.rank'"),
        ("lora.rank=3 vs lora.rank=8", "no row has lora.rank=3"),
        ("full vs lora.rank=8", "'full' is neither a variant, a run nor settings"),
    ],
)
def test_unclear_sides_are_refused(by: str | None, message: str) -> None:
    with pytest.raises(RunError, match=message):
        sides_of(from_rows(grid(), None), by)


def test_tuned_sides_choose_and_judge_on_different_seeds() -> None:
    """On the first two seeds rate 0.2 wins for rank 2, on the others it loses."""
    rows = [
        row({"lora.rank": rank, "lr": lr}, seed, chrf=40.0 + (lr == 0.2) * (1 if seed < 2 else -5))
        for rank in (2, 8)
        for lr in (0.1, 0.2)
        for seed in range(6)
    ]
    one, _ = tuned(sides_of(from_rows(rows, None), "lora.rank"), larger_is_better=True)
    assert one.name == "lora.rank=2 (lr=0.2)"
    assert one.means() == {2: 35.0, 3: 35.0, 4: 35.0, 5: 35.0}
    with pytest.raises(RunError, match="needs 6 common seeds, not 3"):
        tuned(sides_of(from_rows(grid(), None), "lora.rank"), larger_is_better=True)


def test_runs_with_equal_data_compare_and_others_do_not() -> None:
    rows = [*rows_of({"2": [1.0, 2.0]}, data=None), *({**one, "run": "s"} for one in rows_of({"2": [3.0, 5.0]}))]
    (found,) = comparisons(pairs_of(sides_of(from_rows(rows, None), None)))
    assert found.name == "r - s"
    other = [{**one, "epochs_budget": 9, "run": "s"} for one in rows_of({"2": [3.0, 5.0]})]
    with pytest.raises(RunError, match="the runs differ in epochs"):
        from_rows([*rows_of({"2": [1.0, 2.0]}), *other], None)


def foreign(path: Path, **more: object) -> Path:
    """A table as another tool writes it: method, seed, measurements."""
    frame = pd.DataFrame(
        {
            "run_id": [f"x{place}" for place in range(12)],
            "method": ["LoRA", "full"] * 6,
            "seed": [place // 2 for place in range(12)],
            "lr": [0.001, 0.0001] * 6,
            "accuracy": [50.0 + place % 2 * 3 + place * 0.1 + (place % 3) * 0.2 for place in range(12)],
            "runtime": [place * 1.234 for place in range(12)],
            **more,
        }
    )
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_of_other_tools_are_judged(tmp_path: Path, suffix: str) -> None:
    table = from_file(foreign(tmp_path / f"t{suffix}"), "accuracy")
    (comparison,) = comparisons(pairs_of(sides_of(table, "method")))
    (verdict,) = judge([comparison], larger_is_better=table.larger_is_better)
    assert verdict.n == 6
    frame = pd.read_csv(foreign(tmp_path / "again.csv")).pivot_table(index="seed", columns="method", values="accuracy")
    assert verdict.mean == pytest.approx((frame["full"] - frame["LoRA"]).mean())
    assert verdict.word == "better"


def test_a_loss_of_another_tool_is_better_when_smaller(tmp_path: Path) -> None:
    path = foreign(tmp_path / "t.csv", eval_loss=[float(place) for place in range(12)])
    assert not from_file(path, "eval_loss").larger_is_better
    assert from_file(path, "accuracy").larger_is_better


@pytest.mark.parametrize(
    ("name", "metric", "message"),
    [
        ("t.csv", None, "name the column to compare with --metric"),
        ("t.csv", "acc", "name the column to compare with --metric"),
        ("t.txt", "accuracy", "unknown kind of table"),
        ("missing.csv", "accuracy", "cannot be read"),
    ],
)
def test_unusable_tables_are_refused(tmp_path: Path, name: str, metric: str | None, message: str) -> None:
    foreign(tmp_path / "t.csv")
    with pytest.raises(RunError, match=message):
        from_file(tmp_path / name, metric)


def test_a_table_without_seeds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("method,accuracy\na,1\nb,2\n")
    with pytest.raises(RunError, match="no column 'seed'; name it with --seed-column"):
        from_file(tmp_path / "t.csv", "accuracy")
