"""The tables of scores and effects, against the report and `sweep effects`."""

import re

import pytest

from sweep.paper.blocks import blocks_of
from sweep.paper.effects_tables import effects_tables, find_effects
from sweep.paper.score_table import TIED, score_tables
from sweep.paper.source import PaperRun, load_run
from sweep.paper.tabular import Column, Table, numbers_column, score_column, source_column, text_column
from sweep.reporting.verdicts.records import records
from sweep.reporting.verdicts.run_effects import RunEffects
from sweep.reporting.verdicts.study import Study
from sweep.store.run_folder import RunFolder
from sweep.store.status import Status
from tests.sweep.made_up import row, rows_of
from tests.sweep.paper.conftest import REFERENCE


def made_up(rows: list) -> PaperRun:
    """A run of made-up rows, with the definition of a reference run."""
    return PaperRun(RunFolder(REFERENCE / "lora_rank"), None, rows)


def body(table: Table) -> list[list[str]]:
    """The cells of the rows, without rules, heads and headings."""
    lines = [line.removesuffix(r" \\") for line in table.tex().splitlines() if line.endswith(r" \\")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)&", line)] for line in lines]
    return [row for row in cells if r"\multicolumn" not in row[-1]]


@pytest.mark.parametrize("name", ["lora_rank", "combinations", "sentiment"])
def test_the_table_of_scores_is_the_report(name: str, reference: list[PaperRun]) -> None:
    (run,) = [one for one in reference if one.name == name]
    expected = records(Study(run.rows))
    metric = expected[0]["metric"]
    found = [cells for cells in body(score_tables(run, blocks_of(run))[0]) if cells[0].isdigit()]
    assert len(found) == len(expected)
    digits = blocks_of(run)[0].digits[metric]
    for cells, one in zip(found, expected, strict=True):
        at = cells.index(r"$\pm$")
        assert cells[0] == str(one["rank"])
        assert (cells[1] == TIED) == bool(one["tied"])
        assert (cells[at - 1], cells[at + 1]) == (
            f"{one[metric]:.{digits}f}", f"{(one[f'{metric}_high'] - one[f'{metric}_low']) / 2:.{digits}f}",
        )  # fmt: skip
        assert cells[at - 2] == str(one["n"])


def test_settings_stand_below_their_methods(reference: list[PaperRun]) -> None:
    (run,) = [one for one in reference if one.name == "lora_rank"]
    tex = score_tables(run, blocks_of(run))[0].tex()
    assert r"\multicolumn{3}{c}{LoRA}" in tex
    assert r"\cmidrule(lr){3-5}" in tex
    assert r"1 & \textbullet & 2 & 2 & 0.05 & 6 & 40.16 & $\pm$ & 0.17" in tex


def test_baselines_are_rows_and_named_by_their_decoding(reference: list[PaperRun]) -> None:
    run = next(one for one in reference if one.name == "combinations")
    tex = score_tables(run, blocks_of(run))[0].tex()
    assert r"base model, not trained, top-$p$ 0.98 & 6 & 39.26" in tex
    assert "Not shown: 1 baseline" in tex
    run = next(one for one in reference if one.name == "lora_rank")
    assert r"\multicolumn{5}{@{}l}{base model, not trained} & 6 & 39.07" in score_tables(run, blocks_of(run))[0].tex()


def test_named_configurations_have_a_table_of_settings(reference: list[PaperRun]) -> None:
    run = next(one for one in reference if one.name == "combinations")
    _, settings = score_tables(run, blocks_of(run))
    names = [cells[0] for cells in body(settings)]
    assert names == [group.variant for group in blocks_of(run)[0].groups]
    assert r"\num{1e-6}" in settings.tex()


def test_blocks_have_headings(reference: list[PaperRun]) -> None:
    run = next(one for one in reference if one.name == "sentiment")
    tex = score_tables(run, blocks_of(run))[0].tex()
    assert tex.index("data: reviews") < tex.index("data: verdicts")
    assert [block.word for block in blocks_of(run)] == ["SentimentReviews", "SentimentVerdicts"]


def test_one_seed_has_no_intervals_and_no_marks() -> None:
    run = made_up(rows_of({"2": [40.0], "8": [41.0]}))
    tex = score_tables(run, blocks_of(run))[0].tex()
    assert "One seed" in tex
    assert r"\pm" not in tex
    assert TIED not in tex


def test_rows_beyond_the_page_and_lost_seeds_are_told() -> None:
    rows = rows_of({str(rank): [40.0 + rank, 41.0 + rank, 40.5 + rank] for rank in range(1, 11)})
    rows += [row({"lora.rank": 99}, seed, status=Status.DIVERGED, base_chrf=30.0) for seed in range(3)]
    run = made_up(rows)
    tex = score_tables(run, blocks_of(run), rows=4)[0].tex()
    assert "Not shown: 7 configurations with lower ranks." in tex
    tex = score_tables(run, blocks_of(run))[0].tex()
    assert r"\multicolumn{1}{c}{lost}" in tex
    assert r"99 & 0 & 3 & {--}" in tex


def test_effects_have_intervals_where_the_grid_is_full(reference: list[PaperRun]) -> None:
    found = {run.name: find_effects(run) for run in reference}
    assert found["sentiment"] == "the rows differ in task, data or base, so that no effects can be measured across them"
    (run,) = [one for one in reference if one.name == "lora_rank"]
    assert isinstance(found["lora_rank"], RunEffects)
    levels, shares = effects_tables(run, found["lora_rank"])
    assert ["", "16", "2", "-0.65", "$[-0.89, -0.41]$", "0.005"] in body(levels)
    assert [r"LoRA rank $\times$ LoRA scale", "5", "14.9", "13.4", "$<0.0001$"] in body(shares)
    (run,) = [one for one in reference if one.name == "combinations"]
    assert isinstance(found["combinations"], RunEffects)
    shares, methods = effects_tables(run, found["combinations"])
    assert "Not a full grid: 9 of 32" in shares.tex()
    assert ["LoRA $-$ no method", "0.05", "$[-0.18, 0.28]$", "6", "1.00", "undecided"] in body(methods)


def test_columns_are_as_wide_as_their_numbers() -> None:
    assert numbers_column("x", [1.0, -22.25, None], 2) == Column(
        head="x", kind="S[table-format=-2.2]", cells=["1.00", "-22.25", "{--}"]
    )
    assert numbers_column("x", [1e12, 2.0], 1).cells == [r"{\num{1.0e+12}}", "2.0"]
    score = score_column("x", [1.0, 2.0], [0.5, None], 1)
    assert (score.width, list(score.cells)) == (3, [r"1.0 & $\pm$ & 0.5", "2.0 &  & {}"])


def test_long_texts_get_lines_of_their_own() -> None:
    assert text_column("x", ["short"]).kind == "l"
    wide = text_column("x", ["a" * 80])
    assert "p{20em}" in wide.kind
    assert r"\allowbreak{}" in wide.cells[0]


def test_cells_are_escaped(hostile: RunFolder) -> None:
    run = load_run(hostile)
    tex = "\n".join(table.tex() for table in score_tables(run, blocks_of(run))).replace(r"\allowbreak{}", "")
    assert r"\textbackslash{}input\{/etc/passwd\}" in tex
    assert r"\input{" not in tex
    assert r"{[}optional{]} {*} star" in tex
    assert "U+4E2D" in tex
    assert source_column("x", [r"$\lambda$"]).cells == [r"$\lambda$"]
