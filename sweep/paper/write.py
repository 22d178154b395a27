"""Write a paper on runs: put its files together, and write them to a folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweep.paper.blocks import blocks_of
from sweep.paper.checklist import answers, checklist_md, checklist_tex
from sweep.paper.claims import judge_claims
from sweep.paper.claims_text import claims_lines, claims_md, claims_tex
from sweep.paper.document import main_tex
from sweep.paper.effects_tables import effects_tables, find_effects
from sweep.paper.figures import FOLDER as FIGURES
from sweep.paper.figures import Figure, figures_of, figures_tex
from sweep.paper.folder import MAIN, write_folder
from sweep.paper.methods import Methods, statistics_tex
from sweep.paper.numbers import Numbers
from sweep.paper.published import compared_tables
from sweep.paper.recorded import seeds_of
from sweep.paper.references import references_bib
from sweep.paper.results import result_text
from sweep.paper.score_table import ROWS, score_tables
from sweep.paper.source import PaperRun
from sweep.paper.tabular import Table
from sweep.paper.texts import breakable, comment, listed
from sweep.reporting.verdicts.run_effects import RunEffects


@dataclass(frozen=True)
class Written:
    """What was written: the names of the files, and what to tell the user."""

    files: tuple[str, ...]
    lines: tuple[str, ...]


def write_paper(
    runs: Sequence[PaperRun],
    folder: Path,
    *,
    rows: int | None = None,
    published: str | None = None,
    force: bool = False,
) -> Written:
    """Write a paper on `runs` to `folder`, and return what was written.

    rows: how many configurations a table lists (default: ROWS). published: "explora" adds the tables and claims of that
    paper. Raise UsageError if the folder holds something that was not written by this function (unless `force`),
    InfrastructureError if it cannot be written.
    """
    paper = _Paper()
    for run in runs:
        paper.add_run(run, rows or ROWS)
    paper.add_methods(runs)
    paper.add_figures([figure for run in runs for figure in figures_of(run)])
    lines = paper.add_claims(runs) if published else []
    paper.add_checklist(runs)
    files = paper.finish(f"Results of {listed([breakable(run.name) for run in runs])}")
    write_folder(folder, files, force)
    lines.append(f"{folder}: {MAIN} and {len(files) - 1} more files; compile with `latexmk -pdf {MAIN}`")
    return Written(tuple(files), tuple(lines))


@dataclass
class _Paper:
    """The files of a paper by their names, and the sections of the document, while they are made."""

    numbers: Numbers = field(default_factory=Numbers)
    files: dict[str, str] = field(default_factory=dict)
    pdfs: dict[str, bytes] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    effects: list[Table] = field(default_factory=list)
    sections: dict[str, list[str]] = field(default_factory=dict)  # heading -> names of files

    def add_run(self, run: PaperRun, rows: int) -> None:
        """Add the results, tables and methods of a run."""
        blocks = blocks_of(run)
        found = find_effects(run)
        scores = score_tables(run, blocks, rows)
        effects = effects_tables(run, found) if isinstance(found, RunEffects) else []
        self.numbers.declare(run.name, [row["point_id"] for row in run.rows])
        text = [rf"\subsection*{{{breakable(run.name)}}}", result_text(blocks, scores[0].label, self.numbers)]
        text += [table.tex() for table in (*scores, *effects)]
        text += [comment(f"No effects: {found}.")] if isinstance(found, str) else []
        self.methods.append(Methods(run=run, blocks=blocks, numbers=self.numbers).tex())
        self.effects += effects
        self._add("Results", f"results/{run.name}.tex", "\n\n".join(text))

    def add_methods(self, runs: Sequence[PaperRun]) -> None:
        """Add the methods of all runs, and their statistics, before everything else."""
        labels = [table.label for table in self.effects]
        statistics = statistics_tex(
            several_seeds=any(len(seeds_of(run)) > 1 for run in runs),
            has_effects=any("-effects" in label or "-methods" in label for label in labels),
            has_shares=any("-variance" in label for label in labels),
        )
        self.sections = {"Methods": [], **self.sections}
        self._add("Methods", "methods.tex", "\n\n".join([*self.methods, statistics]))

    def add_figures(self, figures: Sequence[Figure]) -> None:
        """Add figures, if there are any."""
        if figures:
            self._add("Figures", "figures.tex", figures_tex(figures))
        self.pdfs |= {f"{FIGURES}/{one.file}": one.content for one in figures}

    def add_claims(self, runs: Sequence[PaperRun]) -> list[str]:
        """Add the tables and claims of the ExpLoRA paper, and return them in short."""
        tables, claims = compared_tables(runs), judge_claims(runs)
        self._add("The published results", "claims.tex", claims_tex(tables, claims))
        self.files["claims.md"] = claims_md(tables, claims)
        return [*claims_lines(tables, claims), ""]

    def add_checklist(self, runs: Sequence[PaperRun]) -> None:
        found = answers(runs)
        self._add("Reproducibility checklist", "checklist.tex", checklist_tex(found))
        self.files["checklist.md"] = checklist_md(found)

    def finish(self, title: str) -> dict[str, str | bytes]:
        """Return all files, with the document, the numbers and the references."""
        references = references_bib(self.files.values())
        numbers = {"numbers.tex": self.numbers.tex(), "references.bib": references}
        return {MAIN: main_tex(title, self.sections), **self.files, **numbers, **self.pdfs}

    def _add(self, heading: str, name: str, content: str) -> None:
        self.files[name] = content
        self.sections.setdefault(heading, []).append(name)
