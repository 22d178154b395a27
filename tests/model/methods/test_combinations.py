"""All combinations of methods and tasks: each trains, is deterministic, and resumes bit for bit."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from model.config import DecodeConfig, TrainConfig
from model.task_specs import TASKS
from model.training import train
from tests.model.folders import sonnets_text

SMART = {"lam": 0.01, "variant": "paper", "eps": 0.01, "step_size": 0.01, "bregman_mu": 0.1, "steps": 2}
SWITCHES: dict[str, dict[str, Any]] = {
    "lora": {"lora": {"rank": 2, "dropout": 0.1}},
    "smart": {"smart": SMART},
    "soap": {"optimizer": "soap", "optimizer_settings": {"max_precond_dim": 512}},  # a basis of the vocabulary is slow
}
COMBINATIONS = [subset for size in range(4) for subset in itertools.combinations(SWITCHES, size)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A few examples for each task."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "sonnets.txt").write_text(sonnets_text(6))
    for split in ("train", "dev"):
        couples = [f"{n}\thow do i cook rice ?\twhat is {'rice' * (n % 3)} ?\t{n % 2}" for n in range(6)]
        (folder / f"pairs-{split}.tsv").write_text("id\tsentence1\tsentence2\tis_duplicate\n" + "\n".join(couples))
        films = [f"{n}\t{n}\ta {'very ' * (n % 4)}fine film\t{n % 3}" for n in range(6)]
        (folder / f"texts-{split}.tsv").write_text("\tid\tsentence\tsentiment\n" + "\n".join(films))
    (folder / "sums.csv").write_text("prompt,completion\n" + "\n".join(f"{n} and 1 is, {n + 1}" for n in range(8)))
    sonnets, pairs, texts = (str(folder / name) for name in ("sonnets.txt", "pairs", "texts"))
    own = {"classification": texts, "pairs": pairs, "completion": str(folder / "sums.csv"), "text": sonnets}
    return {"sonnets": sonnets, "paraphrase": pairs, "sentiment": texts, **own}


@pytest.mark.parametrize("methods", COMBINATIONS, ids=lambda methods: " + ".join(methods) or "none")
@pytest.mark.parametrize("task", TASKS)
def test_methods_go_together(task: str, methods: tuple[str, ...], data: dict[str, str], tmp_path: Path) -> None:
    settings: dict[str, Any] = {}
    for method in methods:
        settings |= SWITCHES[method]
    config = TrainConfig(task=task, data=data[task], epochs=2, batch_size=2, dropout=0.1, **settings)
    first = next(train(config))
    folder = first.training.save(tmp_path)
    *_, whole = train(config)
    *_, resumed = train(config, checkpoint=folder)
    assert math.isfinite(whole.dev_loss)
    assert whole.dev_loss == resumed.dev_loss
    assert all(map(torch.equal, whole.model.state_dict().values(), resumed.model.state_dict().values()))
    decode = DecodeConfig(beams=2, top_k=5, max_new_tokens=4) if TASKS[task].generates else None
    scores = whole.training.evaluate(decode)
    assert set(scores.metrics) == set(TASKS[task].metrics)
    assert scores == resumed.training.evaluate(decode)
