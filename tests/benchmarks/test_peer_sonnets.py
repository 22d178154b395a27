"""The peer's studies: the points of our spaces, a sample that stands for all of them, and a run through Ray."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.peer_sonnets import DECODINGS, TRAININGS, decoding_sample, grid_size, product, rank_grid
from model.config import DecodeConfig
from sweep.planning.plan import Point
from sweep.planning.registry import load_space
from sweep.planning.space import expand

TOY = """
from benchmarks import peer_sonnets
first, second, *_ = peer_sonnets.rank_grid()
short = {"epochs": 1, "batch_size": 64, "decoding": {**first["decoding"], "max_new_tokens": 2}}
peer_sonnets.rank_grid = lambda precision: [{**first, **short}, {**second, **short}]
"""


def points(space: str) -> list[Point]:
    return expand(load_space(space).space, {})


def translated(decode: DecodeConfig | None) -> dict[str, Any]:
    """Return our settings of decoding as arguments of `generate`."""
    assert decode is not None
    if decode.beams:
        how: dict[str, Any] = {"do_sample": False, "num_beams": decode.beams, "length_penalty": 0.0}
    else:
        sampling = {"temperature": decode.temperature, "top_k": decode.top_k or 0, "top_p": decode.top_p or 1.0}
        how = {"do_sample": True, **sampling}
    if decode.generations:
        how["num_return_sequences"] = decode.generations
    return {**how, "max_new_tokens": decode.max_new_tokens}


def test_its_rank_grid_is_ours() -> None:
    ours = [
        {
            "rank": lora.rank,
            "scale": lora.scale,
            "dropout": lora.dropout,
            "epochs": point.epochs,
            "batch_size": point.train.batch_size,
            "lr": point.train.lr,
            "decoding": translated(point.decode),
            "precision": "fp32",
        }
        for point in points("lora_rank")
        if (lora := point.train.lora)
    ]
    assert rank_grid() == ours
    assert {(point.train.optimizer, point.train.weight_decay) for point in points("lora_rank")} == {("adamw", 0.0)}


def test_its_decodings_are_ours() -> None:
    ours = [translated(point.decode) for point in points("soap_decoding")]
    assert all(decoding in ours for decoding in DECODINGS)
    assert all(decoding in DECODINGS for decoding in ours)
    assert len(DECODINGS) == 17


def test_the_sample_stands_for_the_whole_grid() -> None:
    sample = decoding_sample()
    assert grid_size() == 204
    assert sum(point["weight"] for point in sample) == 204
    by_decoding, by_training = Counter[int](), Counter[int]()
    trainings = list(product(TRAININGS))
    for point in sample:
        by_decoding[DECODINGS.index(point["decoding"])] += point["weight"]
        by_training[trainings.index({name: point[name] for name in TRAININGS})] += point["weight"]
    assert by_decoding == {decoding: 12 for decoding in range(17)}
    assert by_training == {training: 17 for training in range(12)}


def test_the_first_point_of_each_worker_stands_for_few() -> None:
    weights = [point["weight"] for point in decoding_sample()]
    assert weights == sorted(weights)
    assert weights[:2] == [1, 1]


@pytest.mark.slow
def test_a_run_prints_and_writes_its_table(tmp_path: Path) -> None:
    code = f"{TOY}\nimport pathlib\npeer_sonnets.main('rank', 'fp32', pathlib.Path({str(tmp_path / 'table.csv')!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()[-3:]
    assert header.split()[-5:] == ["precision", "dev_loss", "chrf", "seconds", "workers"]
    assert [row.split()[-5] for row in rows] == ["fp32", "fp32"]
    table = pd.read_csv(tmp_path / "table.csv")
    assert sorted(table["dropout"]) == [0.05, 0.1]
    assert table["dev_loss"].between(4, 5).all()
    assert table["chrf"].is_monotonic_decreasing
