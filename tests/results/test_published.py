"""The paper's tables: their shape and extremes, and that the shipped spaces cover all their rows."""

from pathlib import Path

import pandas as pd
import pytest

from sweep.planning.shipped import shipped_spaces
from sweep.reporting.paper_scores import paper_scores, with_paper

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
TABLES = sorted(path.stem for path in PUBLISHED.glob("*.csv"))

# name: rows, metric, best and worst score, distinct settings among the rows
FACTS = {
    "combinations": (15, "chrf", 42.48, 40.52, 15),  # Table 3
    "lora_rank": (10, "chrf", 42.255, 41.692, 10),  # Table 1, middle
    "paraphrase": (4, "accuracy", 0.896, 0.81, 4),  # Table 4
    "smart": (10, "chrf", 41.957, 40.407, 10),  # Table 1, left
    "smart_lora": (10, "chrf", 41.586, 35.884, 10),  # Table 1, right
    "soap_decoding": (10, "chrf", 42.48, 41.7, 7),  # Table 2
}


def test_every_table_is_here() -> None:
    assert set(FACTS) == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_shape_and_extremes(name: str) -> None:
    table = pd.read_csv(PUBLISHED / f"{name}.csv")
    count, metric, best, worst, distinct = FACTS[name]
    assert len(table) == count
    assert (table[metric].max(), table[metric].min()) == (best, worst)
    texts = [column for column in ("method", "note") if column in table]
    assert len(table.drop(columns=[metric, *texts]).drop_duplicates()) == distinct


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_of_a_shipped_point(name: str) -> None:
    """Each score, or a better one of equal settings, is found again; and points of other settings have none."""
    table = pd.read_csv(PUBLISHED / f"{name}.csv")
    _, metric, *_ = FACTS[name]
    columns = [column for column in table if column not in ("method", "note", metric)]
    best = table.groupby(columns, dropna=False)[metric].max()
    assert {published.score for published in paper_scores(name).values()} == set(best)


def test_the_best_rows_have_the_papers_settings() -> None:
    combinations = pd.read_csv(PUBLISHED / "combinations.csv").set_index("method")["chrf"]
    assert combinations["SOAP"] == combinations["Top-P + SOAP"] == combinations.max()
    lora = pd.read_csv(PUBLISHED / "lora_rank.csv").iloc[0]
    assert lora.to_list() == [2, 2.0, 0.05, 42.255]


def test_a_space_without_a_table_has_no_scores() -> None:
    assert (shipped_spaces() / "sentiment.py").exists()
    assert paper_scores("sentiment") == paper_scores("../published/smart") == {}
    assert with_paper([{"config_json": "{}"}], "sentiment") == [{"config_json": "{}"}]
