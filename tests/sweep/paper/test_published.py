"""The paper's tables beside runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweep.paper.claims import judge_claims
from sweep.paper.claims_text import claims_lines, claims_md, claims_tex
from sweep.paper.published import ComparedTable, compared_tables
from sweep.paper.source import PaperRun
from sweep.reporting.paper_scores import paper_cells


@pytest.fixture(scope="module")
def tables(reference: list[PaperRun]) -> dict[str, ComparedTable]:
    return {table.space: table for table in compared_tables(reference)}


def test_each_table_is_beside_the_run_that_repeats_it(tables: dict[str, ComparedTable]) -> None:
    assert {space: (one.run.name, len(one.known), len(one.cells)) for space, one in tables.items()} == {
        "lora_rank": ("lora_rank", 10, 10),
        "soap_decoding": ("combinations", 3, 7),
        "combinations": ("combinations", 15, 15),
        "paraphrase": ("paraphrase", 4, 4),
    }
    assert tables["combinations"].correlation == pytest.approx(0.58, abs=0.005)  # as results/reference/README.md says
    assert tables["lora_rank"].correlation == pytest.approx(-0.067, abs=0.0005)


def test_cells_hold_the_published_scores(tables: dict[str, ComparedTable]) -> None:
    found = {one.name: one for one in tables["combinations"].cells}
    soap = found["Top-P + SOAP"]
    assert soap.cell.published.score == 42.48
    assert soap.mean == pytest.approx(40.473, abs=0.001)
    assert soap.group is not None
    assert soap.group.variant == "Top-P + SOAP"


def test_missing_cells_and_deviations_are_named(tables: dict[str, ComparedTable]) -> None:
    assert "batch_size=4 lr=0.003 decode.top_p=0.97" in tables["soap_decoding"].missing
    assert {one.deviation for one in tables["paraphrase"].cells} == {"3 epochs instead of 10"}
    assert {one.deviation for one in tables["lora_rank"].cells} == {""}


def test_cells_that_leave_the_epochs_open_have_several_points() -> None:
    cells = paper_cells("soap_decoding")
    assert len(cells) == 7
    assert {point.epochs for point in cells[0].points} == {5, 10, 20}
    assert paper_cells("sentiment") == []


def test_texts_name_base_missing_cells_and_verdicts(
    reference: list[PaperRun], tables: dict[str, ComparedTable]
) -> None:
    every, claims = list(tables.values()), judge_claims(reference)
    tex, md, lines = claims_tex(every, claims), claims_md(every, claims), claims_lines(every, claims)
    assert r"Base tiny: \textbf{does not hold}" in tex
    assert r"Vanilla fine-tuning (baseline) & 41.584 & 40.11 & $\pm$ & 0.14 & 6 & -1.48 \\" in tex
    assert "Not in this run: batch\\_size=4 lr=0.003" in tex
    assert "% points: " in tex
    assert "| Vanilla fine-tuning (baseline) | 41.584 | 40.11 ± 0.14 | 6 | -1.48 |" in md
    assert "Spearman's rank correlation: 0.58 (n = 15)." in md
    assert "Not in these runs: Table 1 (left), SMART; Table 1 (right), SMART and LoRA." in md
    assert "| LoRA's ranks from 2 to 64 score alike | tiny | does not hold |" in lines
    assert "| Table 3, Combinations of methods | tiny | 15 of 15 | 0.58 (n = 15) |" in lines


def test_the_points_of_a_claim_are_those_of_the_run(reference: list[PaperRun], paper: Path) -> None:
    runs = [json.loads((run.folder.path / "run.json").read_bytes()) for run in reference]
    known: set[Any] = {point for run in runs for point in run["points"]}
    for one in judge_claims(reference):
        assert set(one.judged.points) <= known
    assert (paper / "claims.md").is_file()
