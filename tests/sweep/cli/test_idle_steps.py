"""SOAP's first step only initializes: a row says so if an epoch updated nothing, and no trial may only initialize."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from click.testing import Result

Sweep = Callable[..., Result]
SPACE = '''"""SOAP on four poems."""

from sweep import Space, grid

space = Space(
    fixed={{"optimizer": "soap", "batch_size": 4, "data": {data!r}, "lora.rank": 1}},
    milestones=(1, 2),
    decoding={{"max_new_tokens": 2}},
    axes={{"lr": grid(0.01)}},
)
'''


def write_space(path: Path, poems: Path) -> Path:
    path.write_text(SPACE.format(data=str(poems)))
    return path


def test_rows_say_that_an_epoch_updated_nothing(sweep: Sweep, tmp_path: Path, poems: Path, out: Path) -> None:
    space = write_space(tmp_path / "few.py", poems)
    assert sweep("run", space, "--executor", "inline").exit_code == 0
    rows = pq.read_table(out / "few" / "leaderboard.parquet").to_pylist()
    assert {row["epoch"]: (row["status"], row["note"]) for row in rows} == {
        1: ("COMPLETED", "0 updates in 1 epoch: soap's first step only initializes"),
        2: ("COMPLETED", "1 update in 2 epochs: soap's first step only initializes"),
    }
    assert "0 updates in 1 epoch" in sweep("report", "--format", "md").stdout
    assert sweep("run", space, "--set", "batch_size=2", "--executor", "inline", "--name", "more").exit_code == 0
    assert {row["note"] for row in pq.read_table(out / "more" / "leaderboard.parquet").to_pylist()} == {None}
    assert "note" not in sweep("report", "more", "--format", "md").stdout


def test_a_trial_without_any_update_is_refused(sweep: Sweep, micro: Path, out: Path) -> None:
    settings = [word for text in ("optimizer=soap", "batch_size=4", "epochs=1") for word in ("--set", text)]
    for extra in ("--dry-run", "--no-cache"):
        result = sweep("run", micro, *settings, extra, "--executor", "inline")
        assert result.exit_code == 2
        assert "optimizer: soap makes no update in one epoch of one step (4 examples, batch_size 4)" in result.stderr
    assert not out.exists()
