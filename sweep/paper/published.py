"""The tables of the ExpLoRA paper beside the runs that repeat them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sweep.paper.source import PaperRun
from sweep.reporting.numbers import setting_text
from sweep.reporting.paper_scores import PaperCell, cell_key, paper_cells
from sweep.reporting.settings import varying_keys
from sweep.reporting.verdicts.groups import Group
from sweep.statistics.agreement import rank_correlation
from sweep.statistics.errors import StatisticsError

TABLES = {  # number and content, by the space that repeats the table
    "smart": ("Table 1 (left)", "SMART"),
    "lora_rank": ("Table 1 (middle)", "LoRA"),
    "smart_lora": ("Table 1 (right)", "SMART and LoRA"),
    "soap_decoding": ("Table 2", "SOAP and decoding"),
    "combinations": ("Table 3", "Combinations of methods"),
    "paraphrase": ("Table 4", "Paraphrase detection"),
}
LEAST_CELLS = 3  # of a table, in a run of another space
USUAL_EPOCHS = 10  # of the paper; for cells whose number of epochs it leaves open


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the runs have of one base."""

    base: str
    runs: Sequence[PaperRun]

    def groups(self, run: PaperRun) -> list[Group]:
        return [group for group in run.study.groups if group.settings["base"] == self.base]


@dataclass(frozen=True, kw_only=True)
class ComparedCell:
    """A cell of the paper, and the configuration that repeats it."""

    cell: PaperCell
    name: str  # its method, or the settings that vary in the table
    group: Group | None  # None: not in these runs

    @property
    def deviation(self) -> str:
        """Return how the configuration differs from the paper's; "" if it does not."""
        budgets = sorted({point.epochs for point in self.cell.points})
        if self.group is None or self.group.settings["epochs"] in budgets:
            return ""
        return f"{self.group.settings['epochs']} epochs instead of {' or '.join(map(str, budgets))}"

    @property
    def mean(self) -> float | None:
        return None if self.group is None else self.group.summary(self.cell.metric).mean


@dataclass(frozen=True, kw_only=True)
class ComparedTable:
    """A table of the paper, and the run that has most of its cells."""

    space: str
    base: str
    run: PaperRun
    cells: Sequence[ComparedCell]

    @property
    def title(self) -> str:
        """Return its number and content."""
        return ", ".join(TABLES[self.space])

    @property
    def metric(self) -> str:
        return self.cells[0].cell.metric

    @property
    def known(self) -> list[ComparedCell]:
        return [one for one in self.cells if one.mean is not None]

    @property
    def missing(self) -> list[str]:
        """Return the names of the cells that are not in these runs."""
        return [one.name for one in self.cells if one.mean is None]

    @cached_property
    def correlation(self) -> float | None:
        """Return Spearman's correlation of our means with the paper's scores; None with fewer than 3 cells."""
        means = [one.mean for one in self.known if one.mean is not None]
        try:
            return rank_correlation([one.cell.published.score or 0.0 for one in self.known], means)
        except StatisticsError:
            return None


def materials(runs: Sequence[PaperRun]) -> list[Material]:
    """Return what the runs have of each base."""
    bases = dict.fromkeys(group.settings["base"] for run in runs for group in run.study.groups)
    return [Material(base=base, runs=runs) for base in bases]


def compared_tables(runs: Sequence[PaperRun]) -> list[ComparedTable]:
    """Return the tables that a run repeats, or has LEAST_CELLS cells of, base by base, in the paper's order."""
    found = []
    for material in materials(runs):
        for space in TABLES:
            tables = [
                ComparedTable(space=space, base=material.base, run=run, cells=_cells(material, run, space))
                for run in runs
            ]
            best = max(tables, key=lambda one: (len(one.known), one.run.spec.space == one.space))
            found += [best] if len(best.known) >= LEAST_CELLS or (best.known and best.run.spec.space == space) else []
    return found


def _cells(material: Material, run: PaperRun, space: str) -> list[ComparedCell]:
    groups, cells = material.groups(run), paper_cells(space)
    keys = varying_keys([cell.settings for cell in cells])
    return [ComparedCell(cell=cell, name=cell_name(cell, keys), group=find_group(groups, cell)) for cell in cells]


def find_group(groups: Sequence[Group], cell: PaperCell, epochs: int | None = None) -> Group | None:
    """Return the configuration with a score that has the settings of `cell`; None if there is none.

    `epochs`: its number of epochs. None: that of the paper, else the largest; 10 where the paper leaves it open.
    """
    wanted = {cell_key(point.settings, "epochs") for point in cell.points}
    budgets = {point.epochs for point in cell.points}
    found = [
        group
        for group in groups
        if cell_key(group.settings, "epochs") in wanted
        and group.summary(cell.metric).mean is not None
        and epochs in (None, group.settings["epochs"])
    ]

    def order(group: Group) -> tuple[bool, bool, int]:
        budget = group.settings["epochs"]
        return budget in budgets, budget == USUAL_EPOCHS, budget

    return max(found, key=order, default=None)


def cell_name(cell: PaperCell, keys: Sequence[str] = ()) -> str:
    """Return the method of a cell, or its settings `keys`, as plain text."""
    if cell.method is not None:
        return cell.method
    given = {key: value for key, value in cell.settings.items() if value is not None and key in keys}
    return " ".join(f"{key}={setting_text(value)}" for key, value in given.items())
