"""The paper's tables: their shape, their extremes, and that a shipped space covers their rows."""

from pathlib import Path

import pandas as pd
import pytest

from sweep.plan import make_plan
from sweep.registry import load_space
from sweep.space import unfold

PUBLISHED = Path(__file__).parents[2] / "results" / "published"


@pytest.fixture
def lora() -> pd.DataFrame:
    return pd.read_csv(PUBLISHED / "table1_lora.csv")


def test_the_ten_best_lora_runs(lora: pd.DataFrame) -> None:
    assert lora.shape == (10, 4)
    assert lora["chrf"].is_monotonic_decreasing
    assert lora.iloc[0].to_list() == [2, 2.0, 0.05, 42.255]
    assert lora["chrf"].min() == 41.692


def test_every_published_run_is_a_point_of_the_space(lora: pd.DataFrame) -> None:
    plan = make_plan(unfold(load_space("lora_rank").space, {}), seeds=1)
    points = {(p.train.lora.rank, p.train.lora.scale, p.train.lora.dropout) for p in plan.points if p.train.lora}
    assert {tuple(row) for row in lora.drop(columns="chrf").itertuples(index=False)} <= points
