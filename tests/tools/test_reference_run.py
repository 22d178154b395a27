"""A copy of a run for git says the same as the run."""

import json
from pathlib import Path

from sweep import Space, grid, run
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from tools.reference_run import TEXTS, copy_run


def test_a_copy_has_the_same_rows_without_the_texts_of_further_draws(tmp_path: Path) -> None:
    space = Space(
        fixed={"epochs": 0, "decode.repeats": 2, "decode.max_new_tokens": 3}, axes={"seed": grid(0, 1)}, task="sonnets"
    )
    original = run(space, out=tmp_path / "runs", executor="inline", progress=False)
    copy_run(original.path, tmp_path / "kept" / original.name)
    copied = RunFolder(tmp_path / "kept" / original.name)
    assert load_rows(copied) == load_rows(original.folder)
    text = copied.ledger.read_text() + (copied.path / "run.json").read_text()
    assert str(tmp_path) not in text
    samples = [
        sample
        for line in copied.ledger.read_text().splitlines()
        for score in json.loads(line).get("scores") or []
        for sample in score["samples"]
    ]
    assert {(sample["draw"], set(TEXTS) <= set(sample), "chrf" in sample) for sample in samples} == {
        (0, True, True),
        (1, False, True),
    }
