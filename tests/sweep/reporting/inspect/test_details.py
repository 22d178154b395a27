"""The details of a point equal the leaderboard and the ledger."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sweep.reporting.inspect.details import details
from sweep.reporting.inspect.details_text import details_text
from sweep.reporting.inspect.shown_point import open_points
from sweep.store.run_folder import RunFolder
from tests.sweep.reporting.inspect.points import BEST, points


def test_settings_that_vary_come_first() -> None:
    found = details(points("lora_rank", BEST)[0])
    assert found.varying == {"seed": 2, "lora.rank": 2, "lora.scale": 2.0, "lora.dropout": 0.05}
    assert found.common["lr"] == 0.001
    assert not set(found.varying) & set(found.common)
    assert {**found.varying, **found.common} == points("lora_rank", BEST)[0].point.columns
    lines = details_text(found).splitlines()
    titles = ["settings that vary in this run", "  lora.rank     2", "other settings", "  lr                     0.001"]
    assert [line for line in lines if line in titles] == titles


def test_a_setting_that_the_point_lacks_is_not_set() -> None:
    lora = next(row["point_id"] for row in points("paraphrase", None)[0].rows if "lora.rank" not in row)
    found = details(points("paraphrase", lora)[0])
    assert found.varying["lora.rank"] is None
    assert "  lora.rank         not set" in details_text(found).splitlines()


def test_scores_stand_beside_the_baseline() -> None:
    (shown,) = points("lora_rank", BEST)
    found = details(shown)
    assert (found.status, found.rank, found.ranked, found.metric) == ("COMPLETED", 1, 144, "chrf")
    assert list(found.scores) == ["chrf", "chrf_new", "dev_loss", "best_dev_loss", "train_loss"]
    assert found.scores["chrf"].value == shown.row["chrf"]
    assert found.scores["chrf"].gain == pytest.approx(shown.row["chrf"] - shown.row["base_chrf"])
    assert found.scores["dev_loss"].gain == pytest.approx(shown.row["base_dev_loss"] - shown.row["dev_loss"])
    assert found.scores["chrf"].draw_sd == shown.row["chrf_draw_sd"]
    assert "  chrf           40.423        0.443    38.964   +1.46" in details_text(found).splitlines()


def test_the_curve_is_that_of_the_trial() -> None:
    (shown,) = points("lora_rank", BEST)
    found = details(shown)
    losses = [one.losses.dev_loss for one in shown.state.trial(shown.point.trial_id).epochs.values()]
    assert [row["dev_loss"] for row in found.curve] == losses
    assert [row["chrf"] for row in found.curve[-2:]] == [None, shown.row["chrf"]]
    assert "  dev_loss  █▆▅▄▃▃▂▁▁▁" in details_text(found).splitlines()


def test_cost_and_provenance() -> None:
    found = details(points("lora_rank", BEST)[0])
    text = details_text(found)
    assert "  trained   2,304 of 545,664 parameters (0.422 %)\n" in text
    assert "  training  22 s, 235,550 tokens (10,591 a second)\n" in text
    assert found.provenance["base_sha256"] == points("lora_rank", BEST)[0].row["base_sha256"]
    assert f"  base      tiny, SHA-256 {found.provenance['base_sha256'][:12]}\n" in text
    assert "  device    cpu (AVX512), 1 thread\n" in text
    assert "python 3.11.7, torch 2.13.0+cpu" in text


def test_the_first_samples_are_hinted_at() -> None:
    found = details(points("lora_rank", BEST)[0])
    assert [sample["example"] for sample in found.samples] == [0, 1, 2]
    assert "      Were't aught to me I bore the canopy,\n" in details_text(found)
    assert "      … 9 more lines" in details_text(found).splitlines()


def test_a_cached_point_names_the_run_with_its_curve(
    sweep: Callable[..., Result], finished: Path, micro: Path, out: Path
) -> None:
    assert sweep("run", micro, "--executor", "inline", "--name", "again", "--set", "lora.rank=1").exit_code == 0
    (shown,) = open_points(RunFolder(out / "again"), [None])
    text = details_text(details(shown))
    assert f"in the run that computed it: sweep show micro {shown.point.point_id}" in text
    assert "  computed  by the run micro" in text.splitlines()


def test_a_point_that_has_not_started(micro: Path, out: Path) -> None:
    from sweep.prepare import RunRequest, prepare

    folder = prepare(RunRequest(space=str(micro), out=out)).open_or_create()
    point = folder.spec.plan.points[0]
    (shown,) = open_points(folder, [point.point_id])
    text = details_text(details(shown))
    assert text.startswith(f"point {point.point_id} of micro: PENDING\ntrial {point.trial_id}, 2 epochs planned\n")
    assert "scores" not in text.splitlines()
