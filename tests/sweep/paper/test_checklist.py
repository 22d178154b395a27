"""Answers to checklists, from the record."""

import shutil
from pathlib import Path

from sweep.paper.checklist import Answer, answers, checklist_md, checklist_tex
from sweep.paper.source import PaperRun, load_run
from sweep.store.run_folder import RunFolder

OLD = Path(__file__).parents[2] / "chaos" / "golden" / "1"


def answer(found: list[Answer], start: str) -> dict[tuple[str, ...], str | None]:
    (one,) = [one for one in found if one.question.startswith(start)]
    return dict(one.answers)


def test_answers_are_what_was_recorded(reference: list[PaperRun]) -> None:
    found = answers([run for run in reference if run.name == "lora_rank"])
    assert answer(found, "Which data") == {
        (): "task sonnets, the shipped set: 124 train, 15 dev and 15 test; SHA-256 cd0f8ed808af8237"
    }
    assert answer(found, "How many training runs") == {
        (): "144 trials, 6 seeds (0, 1, 2, 3, 4, 5), the same for all configurations"
    }
    assert answer(found, "Which values") == {
        (): "lora.rank in 2, 4, 8, 16, 32, 64; lora.scale in 1, 2; lora.dropout in 0.05, 0.1"
    }
    assert answer(found, "Are failed") == {
        (): "0 of 144 rows diverged or failed, 0 did not run to the end; none is hidden"
    }
    assert answer(found, "On which hardware") == {(): "cpu (AVX512), 1 thread per trial"}
    assert answer(found, "Which command")[()].startswith("sweep run spaces/lora_rank.py --seeds 6")
    assert answer(found, "Was the test split") == {(): "no"}


def test_what_was_not_recorded_is_said(reference: list[PaperRun], tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "old")  # of schema 1, which had no commit
    found = answers([*reference, load_run(RunFolder(tmp_path / "old"))])
    assert answer(found, "How much energy") == {(): None}
    assert answer(found, "Which code made")[("old",)] is None
    tex, md = checklist_tex(found), checklist_md(found)
    assert r"\emph{not recorded}" in tex
    assert "- old: *not recorded*" in md
    assert tex.count(r"\par\nobreak") == len(found) == md.count("\n**")


def test_runs_share_answers(reference: list[PaperRun]) -> None:
    found = answer(answers(reference), "Are there error bars")
    assert list(found) == [("combinations", "lora_rank", "sentiment"), ("paraphrase",)]


def test_sizes_of_changed_data_are_not_recorded(hostile: RunFolder, tmp_path: Path) -> None:
    question = "Which data"
    assert "4 train, 1 dev and 1 test" in str(answer(answers([load_run(hostile)]), question)[()])
    (path,) = tmp_path.glob("poems_*.txt")
    path.write_text(path.read_text(encoding="utf-8") + "\n99\n\na\nb\nc\nd\n", encoding="utf-8")
    assert "sizes not recorded" in str(answer(answers([load_run(hostile)]), question)[()])


def test_texts_of_others_are_escaped(hostile: RunFolder) -> None:
    found = answers([load_run(hostile)])
    assert "poems_%&#$ {x}^~.txt" in str(answer(found, "Which data"))
    assert answer(found, "Which command") == {(): None}  # the run was not started by one
    assert r"\%\&\#\$ \{x\}" in checklist_tex(found).replace(r"\allowbreak{}", "")
    assert r"poems\_%\&\#$ {x}^\~.txt" in checklist_md(found)
