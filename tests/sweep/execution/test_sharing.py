"""Train once, decode many: sharing a trial gives the same scores as separate trials."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result

from sweep.reporting.leaderboard import TIMING_COLUMNS

SPACE = '''"""SOAP, SMART and adapters, scored three times under five decodings: 15 points, 1 training."""

from sweep import Space

space = Space(
    fixed={{
        "data": {data!r}, "batch_size": 2, "lr": 0.01, "optimizer": "soap",
        "lora.rank": 2, "lora.dropout": 0.2, "smart.lam": 0.1, "smart.variant": "paper", "smart.eps": 0.01,
    }},
    milestones=(1, 2, 12),
    decoding=[
        {{"top_p": 0.9, "max_new_tokens": 6}},
        {{"top_k": 5, "max_new_tokens": 6}},
        {{"beams": 3, "max_new_tokens": 6}},
        {{"beams": 3, "top_k": 5, "max_new_tokens": 6}},
        {{"top_p": 0.9, "generations": 3, "max_new_tokens": 6}},
    ],
)
'''
ALONE = '''"""One of its points."""

from sweep import Space

space = Space(fixed={settings!r})
'''


def results(run: Path) -> dict[str, tuple[dict[str, object], list[dict[str, object]]]]:
    """Rows without what differs between equal runs, and generated texts, by point."""
    rows = pq.read_table(run / "leaderboard.parquet").to_pylist()
    texts = pq.read_table(run / "samples.parquet").to_pylist()
    unlike = {*TIMING_COLUMNS, "rank"}
    return {
        row["point_id"]: (
            {name: value for name, value in row.items() if name not in unlike},
            [text for text in texts if text["point_id"] == row["point_id"]],
        )
        for row in rows
    }


@pytest.fixture
def shared(sweep: Callable[..., Result], tmp_path: Path, poems: Path, out: Path) -> Path:
    path = tmp_path / "shared.py"
    path.write_text(SPACE.format(data=str(poems)))
    done = sweep("run", path, "--executor", "inline")
    assert done.exit_code == 0, done.output
    return out / "shared"


def test_every_milestone_and_decoding_is_scored(shared: Path) -> None:
    found = [row for row, _ in results(shared).values()]
    assert len(found) == 15
    assert {row["status"] for row in found} == {"COMPLETED"}
    assert len({row["trial_id"] for row in found}) == 1
    assert all(row["chrf"] is not None and row["epoch"] == row["epochs_budget"] for row in found)


def test_alone_is_the_same_bit_for_bit(shared: Path, sweep: Callable[..., Result], tmp_path: Path, out: Path) -> None:
    """For each decoding once, and for each milestone."""
    from sweep.store.run_folder import RunFolder

    points = RunFolder(shared).spec.plan.points
    for number, point in enumerate([*points[::4], points[-1]]):
        path = tmp_path / f"alone{number}.py"
        path.write_text(ALONE.format(settings=point.settings))
        assert sweep("run", path, "--executor", "inline", "--no-cache").exit_code == 0
        (alone,) = results(out / f"alone{number}").items()
        assert alone == (point.point_id, results(shared)[point.point_id])
