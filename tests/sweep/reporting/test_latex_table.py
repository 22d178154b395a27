"""The leaderboard as a LaTeX table."""

from pathlib import Path

from sweep.reporting.formats import FORMATS, Report
from sweep.reporting.latex_table import tabular
from sweep.reporting.leaderboard import load_rows
from sweep.store.run_folder import RunFolder
from sweep.store.state import load_state

REFERENCE = Path(__file__).parents[3] / "results" / "reference"


def reference(name: str, *, by_setting: bool, columns: list[str] | None = None) -> list[str]:
    folder = RunFolder(REFERENCE / name)
    report = Report(
        folder=folder,
        state=load_state(folder),
        rows=load_rows(folder),
        top=2,
        columns=columns,
        by_setting=by_setting,
    )
    return FORMATS["latex"](report).splitlines()


def test_a_table_is_escaped_and_aligned() -> None:
    assert tabular(["lora.rank", "dev_loss", "variant"], [["2", "-0.5", "A & B"], ["", "1e-5", "50%"]]) == "\n".join(
        [
            r"\begin{tabular}{rrl}",
            r"\toprule",
            r"lora.rank & dev\_loss & variant \\",
            r"\midrule",
            r"2 & -0.5 & A \& B \\",
            r" & 1e-5 & 50\% \\",
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def test_chosen_columns_of_rows() -> None:
    lines = reference("paraphrase", by_setting=False, columns=["rank", "optimizer", "accuracy"])
    assert lines[0].startswith("% paraphrase: space paraphrase, task paraphrase, base tiny")
    assert r"\begin{tabular}{rlr}" in lines
    assert r"1 & adamw & 0.7050 \\" in lines
    assert lines[-1].startswith("% baseline: dev_loss 11.945")


def test_configurations_have_intervals() -> None:
    lines = reference("combinations", by_setting=True)
    (best,) = (line for line in lines if line.startswith("1 & = & Top-P + SOAP"))
    assert r"40.473 [40.235, 40.712]" in best
    assert r"6.406\textless{}[6.364, 6.447]" in best
    assert sum(line.endswith(r"\\") for line in lines) == 3


def test_an_empty_run_has_a_header() -> None:
    assert tabular(["rank", "chrf"], []).splitlines()[2] == r"rank & chrf \\"


def test_a_row_that_begins_with_a_bracket_is_no_argument() -> None:
    """LaTeX would read it as an argument of the end of the row before."""
    text = tabular(["name"], [["[a]"], ["*b"], ["c"]])
    assert "{}[a]" in text
    assert "{}*b" in text
    assert "{}c" not in text
