"""The headline claims of the ExpLoRA paper, judged on runs by the same verdicts as everything else."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sweep.paper.published import Material, cell_name, find_group, materials
from sweep.paper.source import PaperRun
from sweep.reporting.leaderboard import Row
from sweep.reporting.numbers import counted, setting_text
from sweep.reporting.paper_scores import PaperCell, paper_cells
from sweep.reporting.verdicts.groups import Group
from sweep.reporting.verdicts.scored import ScoreTable, from_rows
from sweep.reporting.verdicts.sentence import number, sentence
from sweep.reporting.verdicts.sides import comparisons, paired, pairs_of, sides_of, two_sides
from sweep.statistics.verdict import Verdict, Word, judge

VANILLA, LORA, SMART = "Vanilla fine-tuning (baseline)", "LoRA", "SMART Library"  # methods in the paper's tables
SHARE = 0.0015  # of the weights: what rounds to the paper's 0.1 %
WITHIN = 0.002  # accuracy: the paper's "within 0.2 %"
FEW_EPOCHS, MANY_EPOCHS = 2, 10
BEST_LR, BEST_BATCH = 3e-3, 4
LEAST_RANKS = 3


class Outcome(StrEnum):
    """What becomes of a claim at a base."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "undecided"
    ABSENT = "not in these runs"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The outcome of a claim, its reason in plain text, and the ids of the points that it rests on."""

    outcome: Outcome
    reason: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and the function that judges it on the runs of one base."""

    text: str
    source: str  # where the paper makes it
    judge: Callable[[Material], Judged]


@dataclass(frozen=True, kw_only=True)
class ClaimAtBase:
    """A claim, judged at a base."""

    claim: Claim
    base: str
    judged: Judged


def judge_claims(runs: Sequence[PaperRun]) -> list[ClaimAtBase]:
    """Return every claim at every base of the runs."""
    return [
        ClaimAtBase(claim=claim, base=material.base, judged=claim.judge(material))
        for claim in CLAIMS
        for material in materials(runs)
    ]


def _lora(material: Material) -> Judged:
    """LoRA scores more than full fine-tuning, and trains 0.1 % of the weights."""
    for run in material.runs:
        lora, vanilla = (_group(material, run, "combinations", name) for name in (LORA, VANILLA))
        if lora is None or vanilla is None:
            continue
        verdict = _compare("LoRA - full fine-tuning", lora, vanilla, "chrf")
        shares = [row["trainable_share"] for row in lora.rows if row.get("trainable_share") is not None]
        share = f"LoRA trains {100 * max(shares):.2g} % of the weights of this base" if shares else "share not recorded"
        outcome = _if_better(verdict)
        if outcome == Outcome.HOLDS and (not shares or max(shares) > SHARE):
            outcome = Outcome.UNDECIDED  # the gain is there, but with more weights than the claim says
        return _judged(outcome, f"{sentence(verdict, 'chrf')}. {share}.", lora, vanilla)
    return _absent(
        "no run has both LoRA (rank 2, scale 2, dropout 0.05) and full fine-tuning", "combinations --seeds 6"
    )


def _smart(material: Material) -> Judged:
    """SMART comes within 0.002 of the accuracy of full fine-tuning, in 2 epochs instead of 10."""
    for run in material.runs:
        smart = _group(material, run, "paraphrase", SMART, FEW_EPOCHS)
        vanilla = _group(material, run, "paraphrase", VANILLA, MANY_EPOCHS)
        if smart is None or vanilla is None:
            continue
        name = f"SMART after {FEW_EPOCHS} epochs - full fine-tuning after {MANY_EPOCHS}"
        verdict = _compare(name, smart, vanilla, "accuracy", margin=WITHIN)
        same = verdict.word in (Word.EQUAL, Word.IDENTICAL)
        return _judged(
            Outcome.HOLDS if same else _if_better(verdict), f"{sentence(verdict, 'accuracy')}.", smart, vanilla
        )
    return _absent(
        f"no run scores SMART after {FEW_EPOCHS} epochs and full fine-tuning after {MANY_EPOCHS} on paraphrases",
        f"paraphrase --set epochs={FEW_EPOCHS},{MANY_EPOCHS} --seeds 6",
    )


def _soap(material: Material) -> Judged:
    """SOAP works best at a learning rate of 3e-3 and a batch size of 4."""
    for run in material.runs:
        rows = _rows(material, run, lambda row: row["optimizer"] == "soap" and not _has(row, "lora.rank", "smart.lam"))
        cells = sorted({(row["batch_size"], row["lr"]) for row in rows})
        varies = all(len({cell[place] for cell in cells}) > 1 for place in (0, 1))
        if (BEST_BATCH, BEST_LR) not in cells or not varies:
            continue
        table = from_rows(rows, "chrf")
        others = [cell for cell in cells if cell != (BEST_BATCH, BEST_LR)]
        best = f"batch_size={BEST_BATCH} lr={setting_text(BEST_LR)}"
        pairs = [two_sides(table, f"{best} vs batch_size={batch} lr={setting_text(lr)}") for batch, lr in others]
        verdicts = judge(comparisons(pairs), larger_is_better=True)
        words = [verdict.word for verdict in verdicts]
        outcome = Outcome.FAILS if Word.WORSE in words else (
            Outcome.HOLDS if set(words) == {Word.BETTER} else Outcome.UNDECIDED)  # fmt: skip
        counts = f"against {counted(len(words), 'other combination')} of the two, it is {_counts(words)}"
        least = min(verdicts, key=lambda one: one.mean if one.mean is not None else 0.0)
        return _of_table(outcome, f"{counts}. Its strongest rival: {sentence(least, 'chrf')}.", table)
    return _absent(
        "no run varies the learning rate and the batch size of SOAP around 3e-3 and 4", "soap_decoding --seeds 6"
    )


def _ranks(material: Material) -> Judged:
    """All ranks of LoRA from 2 to 64 score alike: within the spread of the paper's own ranks."""
    published = [cell.published.score or 0.0 for cell in paper_cells("lora_rank")]
    margin = max(published) - min(published)
    found = [_rows(material, run, _is_lora_alone) for run in material.runs]
    rows = max(found, key=lambda some: len({row["lora.rank"] for row in some}), default=[])
    if len({row["lora.rank"] for row in rows}) < LEAST_RANKS:
        return _absent(f"no run has {LEAST_RANKS} ranks of LoRA", "lora_rank --seeds 6")
    table = from_rows(rows, "chrf")
    verdicts = judge(comparisons(pairs_of(sides_of(table, "lora.rank"))), larger_is_better=True, margin=margin)
    words = [verdict.word for verdict in verdicts]
    is_apart = Word.BETTER in words or Word.WORSE in words
    is_alike = set(words) <= {Word.EQUAL, Word.IDENTICAL}
    outcome = Outcome.FAILS if is_apart else Outcome.HOLDS if is_alike else Outcome.UNDECIDED
    shown = [verdict for verdict in verdicts if verdict.word in (Word.BETTER, Word.WORSE)] or verdicts
    widest = max(shown, key=lambda one: abs(one.mean or 0.0))
    text = (
        f"of {counted(len(words), 'pair')} of ranks, {_counts(words)}, where equal means within {number(margin)}, the "
        f"spread of the paper's own scores. The widest: {sentence(widest, 'chrf')}."
    )
    return _of_table(outcome, text, table)


CLAIMS = (
    Claim("LoRA scores more than full fine-tuning and trains 0.1 % of the weights", "Section 4.3 and Table 3", _lora),
    Claim("SMART comes within 0.2 % of full fine-tuning in 2 epochs instead of 10", "Section 4.3 and Table 4", _smart),
    Claim("SOAP is best with a learning rate of 3e-3 and a batch size of 4", "Section 5 and Table 2", _soap),
    Claim("LoRA's ranks from 2 to 64 score alike", "Section 5 and Table 1", _ranks),
)


def _group(material: Material, run: PaperRun, space: str, method: str, epochs: int | None = None) -> Group | None:
    """Return the configuration of a method of the paper, with the paper's number of epochs unless `epochs` is given."""
    cell = next(cell for cell in paper_cells(space) if cell_name(cell) == method)
    return find_group(material.groups(run), cell, epochs or _budget(cell))


def _budget(cell: PaperCell) -> int:
    return cell.points[0].epochs


def _rows(material: Material, run: PaperRun, chosen: Callable[[Row], bool]) -> list[Row]:
    """Return the rows on sonnets that are `chosen`."""
    return [row for row in run.rows if row["base"] == material.base and row["task"] == "sonnets" and chosen(row)]


def _is_lora_alone(row: Row) -> bool:
    return _has(row, "lora.rank") and not _has(row, "smart.lam") and row["optimizer"] == "adamw"


def _has(row: Row, *keys: str) -> bool:
    return any(row.get(key) is not None for key in keys)


def _compare(name: str, one: Group, other: Group, metric: str, margin: float | None = None) -> Verdict:
    pair = paired(name, one.scores(metric), other.scores(metric))
    (verdict,) = judge([pair], larger_is_better=True, margin=margin)
    return verdict


def _if_better(verdict: Verdict) -> Outcome:
    return {Word.BETTER: Outcome.HOLDS, Word.WORSE: Outcome.FAILS}.get(verdict.word, Outcome.UNDECIDED)


def _counts(words: Sequence[Word]) -> str:
    """Return how often each word occurs: 3 better, 2 undecided."""
    return ", ".join(f"{words.count(word)} {word}" for word in Word if word in words)


def _judged(outcome: Outcome, reason: str, *groups: Group) -> Judged:
    points: Iterable[str] = (row["point_id"] for group in groups for row in group.rows)
    return Judged(outcome=outcome, reason=reason, points=tuple(points))


def _of_table(outcome: Outcome, reason: str, table: ScoreTable) -> Judged:
    points = tuple(one.point_id for one in table.scored if one.point_id is not None)
    return Judged(outcome=outcome, reason=reason, points=points)


def _absent(why: str, command: str) -> Judged:
    return Judged(outcome=Outcome.ABSENT, reason=f"{why}; `sweep run {command}` makes one.")
