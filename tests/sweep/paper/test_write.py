"""Whole papers: their files, the command, the Python twin, and that LaTeX compiles them."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import sweep
from sweep.errors import RunError, UsageError
from sweep.paper.figures import figures_of
from sweep.paper.source import PaperRun, load_run, load_runs
from sweep.paper.write import write_paper
from sweep.planning.config import TuneConfig
from sweep.prepare import RunRequest, prepare
from sweep.store.run_folder import RunFolder
from sweep.testing import ScriptedExecutor, drive
from tests.sweep.paper.conftest import REFERENCE, RUNS

FIGURES = [
    *("combinations-scores", "combinations-effects", "combinations-methods", "combinations-curves"),
    *("lora_rank-scores", "lora_rank-effects", "lora_rank-curves"),
    *("paraphrase-scores", "paraphrase-effects", "paraphrase-methods", "paraphrase-curves"),
    *("sentiment-scores", "sentiment-curves"),
]
FILES = {
    "main.tex", "methods.tex", "numbers.tex", "references.bib", "checklist.tex", "checklist.md", "claims.tex",
    "claims.md", "figures.tex", *(f"results/{name}.tex" for name in RUNS), *(f"figures/{name}.pdf" for name in FIGURES),
}  # fmt: skip


def content(folder: Path) -> dict[str, bytes]:
    """The files of a paper. The objects of a PDF may stand in any order, so its lines are sorted."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {
        name: b"\n".join(sorted(data.split(b"\n"))) if name.endswith(".pdf") else data for name, data in files.items()
    }


def test_the_document_inputs_every_part(paper: Path) -> None:
    assert set(content(paper)) == FILES
    inputs = set(re.findall(r"\\input\{([^}]+)\}", (paper / "main.tex").read_text(encoding="utf-8")))
    assert inputs == {name for name in FILES if name.endswith(".tex") and name != "main.tex"}


def test_two_papers_are_equal(paper: Path, reference: list[PaperRun], tmp_path: Path) -> None:
    write_paper(load_runs([run.folder for run in reference]), tmp_path / "again", published="explora")
    assert content(tmp_path / "again") == content(paper)


def test_methods_are_those_of_the_run(paper: Path) -> None:
    text = (paper / "methods.tex").read_text(encoding="utf-8")
    assert r"\LoraRankTrainingExamples{} training" in text
    assert "LoRA rank 2, 4, 8, 16, 32 and 64; LoRA scale 1 and 2; LoRA dropout 0.05 and 0.1" in text
    assert r"AdamW~\cite{loshchilov2019adamw}" in text
    assert r"chrF~\cite{popovic2015chrf,post2018sacrebleu}" in text
    assert r"Holm's correction~\cite{holm1979}" in text
    assert r"\LoraRankDraws{} independent draws" in text


def test_searches_and_schedulers_are_named(micro: Path, tmp_path: Path) -> None:
    tune = TuneConfig(search="random", num_samples=3, seeds=2, scheduler="asha")
    folder = prepare(RunRequest(space=str(micro), out=tmp_path / "out", tune_config=tune)).open_or_create()
    drive(folder)
    write_paper([load_run(folder)], tmp_path / "paper")
    text = (tmp_path / "paper" / "methods.tex").read_text(encoding="utf-8")
    assert r"Random search draws \MicroConfigurations{} configurations~\cite{bergstra2012random}" in text
    assert r"ASHA~\cite{li2020asha} compares trials by dev loss at rungs, the first after 1 epoch" in text


def test_names_inject_no_commands(hostile: RunFolder, tmp_path: Path) -> None:
    write_paper([load_run(hostile)], tmp_path / "paper")
    main, *parts = sorted((tmp_path / "paper").rglob("*.tex"), key=lambda path: path.name != "main.tex")
    assert main.name == "main.tex"
    for path in parts:
        text = path.read_text(encoding="utf-8").replace(r"\allowbreak{}", "")
        assert r"\input{" not in text
        assert "/etc/passwd\\}" in text or "/etc" not in text


def test_figures_are_the_charts_of_the_run(paper: Path, reference: list[PaperRun]) -> None:
    run = next(one for one in reference if one.name == "lora_rank")
    figures = figures_of(run)
    assert [one.file for one in figures] == [f"lora_rank-{kind}.pdf" for kind in ("scores", "effects", "curves")]
    assert all(one.content.startswith(b"%PDF-") for one in figures)
    text = (paper / "figures.tex").read_text(encoding="utf-8")
    for one in figures:
        assert rf"\includegraphics{{figures/{one.file}}}" in text
        assert rf"\label{{fig:{one.file.removesuffix('.pdf')}}}" in text
        assert one.caption in text


def test_papers_without_the_extra_have_no_figures(
    reference: list[PaperRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.paper.figures.has_plots", lambda: False)
    write_paper([one for one in reference if one.name == "sentiment"], tmp_path / "paper")
    assert not (tmp_path / "paper" / "figures.tex").exists()
    assert not (tmp_path / "paper" / "figures").exists()


def test_a_run_without_results_is_refused(micro: Path, tmp_path: Path) -> None:
    folder = prepare(RunRequest(space=str(micro), out=tmp_path / "out")).open_or_create()
    with pytest.raises(RunError, match="has no finished row yet: finish it with `sweep resume micro"):
        load_run(folder)
    drive(folder, ScriptedExecutor())
    with pytest.raises(RunError, match="two runs are named 'micro'"):
        load_runs([folder, folder])


def test_the_command_writes_and_tells(sweep: Callable[..., Result], tmp_path: Path) -> None:
    runs = ("combinations", "lora_rank", "--out", REFERENCE, "--to", tmp_path / "paper")
    result = sweep("paper", *runs, "--paper", "explora")
    assert result.exit_code == 0
    assert (
        "| LoRA scores more than full fine-tuning and trains 0.1 % of the weights | tiny | undecided |" in result.output
    )
    assert result.output.rstrip().endswith("compile with `latexmk -pdf main.tex`")
    assert sweep("paper", *runs, "--metric", "dev_loss", "--top", "5").exit_code == 0
    text = (tmp_path / "paper" / "results" / "lora_rank.tex").read_text(encoding="utf-8")
    assert "reaches dev loss" in text
    assert "19 configurations with lower ranks" in text
    assert not (tmp_path / "paper" / "claims.tex").exists()


def test_the_command_refuses_a_foreign_folder(sweep: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "main.tex").write_text("mine")
    result = sweep("paper", "sentiment", "--out", REFERENCE, "--to", tmp_path / "mine")
    assert result.exit_code == 2
    assert "was not written by `sweep paper`" in result.output
    assert (tmp_path / "mine" / "main.tex").read_text() == "mine"


def test_python_writes_the_same(paper: Path, tmp_path: Path) -> None:
    first, *others = (sweep.open_run(name, out=REFERENCE) for name in RUNS)
    assert first.paper(tmp_path / "paper", *others, published="explora") == tmp_path / "paper"
    assert content(tmp_path / "paper") == content(paper)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        first.paper(tmp_path / "mine")


def compiled(folder: Path) -> str:
    """Compile a paper, and return the warnings of LaTeX and BibTeX."""
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    for command in (latex, ["bibtex", "main"], latex, latex):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stdout[-3000:]
    logs = [(folder / name).read_text(encoding="utf-8", errors="replace") for name in ("main.log", "main.blg")]
    return "\n".join(line for line in "\n".join(logs).splitlines() if re.search("Warning|Overfull|Underfull", line))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex, for example from texlive-latex-extra")
@pytest.mark.parametrize("runs", [RUNS, ("lora_rank",), ("paraphrase",)], ids="-".join)
def test_latex_compiles_without_a_warning(runs: tuple[str, ...], tmp_path: Path) -> None:
    write_paper(load_runs([RunFolder(REFERENCE / name) for name in runs]), tmp_path / "paper", published="explora")
    assert compiled(tmp_path / "paper") == ""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex, for example from texlive-latex-extra")
def test_latex_compiles_hostile_names(hostile: RunFolder, tmp_path: Path) -> None:
    write_paper([load_run(hostile)], tmp_path / "paper")
    assert compiled(tmp_path / "paper") == ""
