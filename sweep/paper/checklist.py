"""Answers to the usual questions of reproducibility checklists, each from what was recorded of the runs.

The questions are those that the checklists of NeurIPS, of ACL and of Pineau et al. have in common, in our words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sweep.paper.questions import NOT_RECORDED, QUESTIONS
from sweep.paper.source import PaperRun
from sweep.paper.texts import breakable, plain

NO_ANSWER = "not recorded"
MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in r"\`*_[]<>|#&~"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A question and the answers to it, run by run."""

    topic: str
    question: str
    answers: tuple[tuple[str, str | None], ...]  # name of the run, and its answer; None if nothing was recorded


def answers(runs: Sequence[PaperRun]) -> list[Answer]:
    """Return the answers of all runs. Where they agree, they are given once, for the run ""."""
    found = []
    for one in QUESTIONS:
        texts = [(run.name, one.answer(run)) for run in runs]
        is_same = len({text for _, text in texts}) == 1
        given = (("", texts[0][1]),) if is_same else tuple(texts)
        found.append(Answer(topic=one.topic, question=one.text, answers=given))
    none = (("", None),)
    return found + [Answer(topic=topic, question=text, answers=none) for topic, text in NOT_RECORDED]


def checklist_tex(found: Sequence[Answer]) -> str:
    """Return the checklist as LaTeX source."""
    lines = []
    for topic, members in groupby(found, key=lambda one: one.topic):
        lines.append(rf"\subsection*{{{plain(topic)}}}")
        for one in members:
            lines += [rf"\par\smallskip\noindent\textbf{{{plain(one.question)}}}", r"\begin{quote}\raggedright"]
            lines.append("\n\n".join(_tex(name, text) for name, text in one.answers))
            lines.append(r"\end{quote}")
    return "\n".join(lines)


def checklist_md(found: Sequence[Answer]) -> str:
    """Return the checklist as Markdown."""
    lines = ["# Reproducibility checklist"]
    for topic, members in groupby(found, key=lambda one: one.topic):
        lines.append(f"## {topic}")
        for one in members:
            lines += [f"**{one.question}**", "\n".join(_md(name, text) for name, text in one.answers)]
    return "\n\n".join(lines)


def _tex(name: str, text: str | None) -> str:
    answer = breakable(text) if text is not None else rf"\emph{{{NO_ANSWER}}}"
    return rf"\textsf{{{plain(name)}:}} {answer}" if name else answer


def _md(name: str, text: str | None) -> str:
    answer = " ".join(text.split()).translate(MARKDOWN) if text is not None else f"*{NO_ANSWER}*"
    return f"- {name.translate(MARKDOWN)}: {answer}" if name else f"- {answer}"
