"""`sweep report FILE.parquet`: the best rows of a leaderboard without its run."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from sweep.errors import RunError
from sweep.reporting.leaderboard import load_rows, schema
from sweep.reporting.leaderboard_file import read_leaderboard
from sweep.store.run_folder import RunFolder

RUN = Path(__file__).parents[3] / "results" / "reference" / "lora_rank"


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rows = load_rows(RunFolder(RUN))
    return pa.Table.from_pylist(rows, schema=schema(rows))


@pytest.fixture
def leaderboard(table: pa.Table, tmp_path: Path) -> Path:
    """The leaderboard of the rank grid, in several row groups."""
    path = tmp_path / "leaderboard.parquet"
    pq.write_table(table, path, row_group_size=50)
    return path


def test_the_first_rows_are_those_of_the_file(leaderboard: Path, table: pa.Table) -> None:
    found = read_leaderboard(leaderboard, top=60)
    assert found.total == 144
    assert found.columns == [
        *("rank", "status", "seed", "lora.rank", "lora.scale", "lora.dropout"),
        *("chrf", "dev_loss", "train_seconds"),
    ]
    expected = table.select(list(found.columns)).slice(0, 60).to_pylist()
    assert [{key: row[key] for key in found.columns} for row in found.rows] == expected


def test_twenty_rows_without_top(leaderboard: Path) -> None:
    assert len(read_leaderboard(leaderboard).rows) == 20


@pytest.mark.parametrize(("column", "best"), [("chrf", max), ("dev_loss", min), ("train_seconds", min)])
def test_sorted_from_the_best(
    leaderboard: Path, table: pa.Table, column: str, best: Callable[[list[float]], float]
) -> None:
    rows = read_leaderboard(leaderboard, sort=column, columns=[column]).rows
    assert rows[0][column] == best(table.column(column).to_pylist())
    values = [row[column] for row in rows]
    assert values == sorted(values, reverse=best is max)


def test_missing_values_come_last(table: pa.Table, tmp_path: Path) -> None:
    place = table.schema.get_field_index("dev_loss")
    values = [None, float("nan"), *table.column("dev_loss").to_pylist()[2:]]
    pq.write_table(table.set_column(place, "dev_loss", pa.array(values)), tmp_path / "a.parquet")
    rows = read_leaderboard(tmp_path / "a.parquet", sort="dev_loss", top=144).rows
    assert rows[-1]["dev_loss"] is None


def test_a_table_in_the_terminal(sweep: Callable[..., Result], leaderboard: Path) -> None:
    text = sweep("report", leaderboard, "--top", 2).stdout
    assert text.startswith(f"{leaderboard}: the first 2 of 144 rows\n")
    assert text.count("COMPLETED") == 2
    assert "conclusions and health checks need the run" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "rank,price"], "no column 'price'. Known: run, point_id"),
        (["--sort", "price"], "no column 'price'"),
        (["--format", "json"], "--format json: of a file only the table is printed"),
    ],
)
def test_bad_options_are_one_error(
    sweep: Callable[..., Result], leaderboard: Path, arguments: list[str], message: str
) -> None:
    result = sweep("report", leaderboard, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"a\.parquet: cannot be read as Parquet"):
        read_leaderboard(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("no")
    with pytest.raises(RunError, match=r"b\.parquet: cannot be read as Parquet"):
        read_leaderboard(tmp_path / "b.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "c.parquet")
    with pytest.raises(RunError, match=r"c\.parquet: not a leaderboard of this tool"):
        read_leaderboard(tmp_path / "c.parquet")
