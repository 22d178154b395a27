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
    """A question and the answers to it; None: nothing was recorded."""

    topic: str
    question: str
    answers: tuple[tuple[tuple[str, ...], str | None], ...]  # names of runs (none: all runs), and their answer


def answers(runs: Sequence[PaperRun]) -> list[Answer]:
    """Return the answers of all runs; each one once, with the runs that share it."""
    found = []
    for one in QUESTIONS:
        names: dict[str | None, list[str]] = {}
        for run in runs:
            names.setdefault(one.answer(run), []).append(run.name)
        given = tuple((tuple(of) if len(names) > 1 else (), text) for text, of in names.items())
        found.append(Answer(topic=one.topic, question=one.text, answers=given))
    return found + [Answer(topic=topic, question=text, answers=(((), None),)) for topic, text in NOT_RECORDED]


def checklist_tex(found: Sequence[Answer]) -> str:
    """Return the checklist as LaTeX source."""
    lines = []
    for topic, members in groupby(found, key=lambda one: one.topic):
        lines.append(rf"\subsection*{{{plain(topic)}}}")
        for one in members:
            lines += [
                rf"{{\par\smallskip\noindent\textbf{{{plain(one.question)}}}\par\nobreak",
                r"\raggedright\leftskip=1.5em\parindent=0pt",
                "\n\n".join(_tex(names, text) for names, text in one.answers) + r"\par}",
            ]
    return "\n".join(lines)


def checklist_md(found: Sequence[Answer]) -> str:
    """Return the checklist as Markdown."""
    lines = ["# Reproducibility checklist"]
    for topic, members in groupby(found, key=lambda one: one.topic):
        lines.append(f"## {topic}")
        for one in members:
            lines += [f"**{one.question}**", "\n".join(_md(names, text) for names, text in one.answers)]
    return "\n\n".join(lines)


def _tex(names: Sequence[str], text: str | None) -> str:
    answer = breakable(text) if text is not None else rf"\emph{{{NO_ANSWER}}}"
    return rf"\textsf{{{breakable(', '.join(names))}:}} {answer}" if names else answer


def _md(names: Sequence[str], text: str | None) -> str:
    answer = " ".join(text.split()).translate(MARKDOWN) if text is not None else f"*{NO_ANSWER}*"
    return f"- {', '.join(names).translate(MARKDOWN)}: {answer}" if names else f"- {answer}"
