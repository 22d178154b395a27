"""The figures of a paper."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep.paper.source import PaperRun
from sweep.paper.texts import plain

FOLDER = "figures"  # in the folder of a paper
FILE = re.compile(r"[A-Za-z0-9][\w.-]*\.pdf", re.ASCII)  # a name that LaTeX reads as it is


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A PDF file in the folder of figures. `caption` is LaTeX source."""

    file: str
    caption: str
    label: str
    content: bytes | None = None  # None: the file is there already


def figures_of(run: PaperRun, folder: Path) -> list[Figure]:
    """Return the figures of a run: the PDF files in `folder` that its name begins, such as lora_rank-curves.pdf."""
    files = sorted(path.name for path in folder.glob(f"{run.name}*.pdf") if FILE.fullmatch(path.name))
    return [
        Figure(file=file, caption=f"{plain(file.removesuffix('.pdf'))}.", label=f"fig:{file.removesuffix('.pdf')}")
        for file in files
    ]


def figures_tex(figures: Sequence[Figure]) -> str:
    """Return the figures as floats, as wide as the text at most."""
    return "\n\n".join(map(_float, figures))


def _float(figure: Figure) -> str:
    return "\n".join(
        [
            r"\begin{figure}[!htbp]",
            r"\centering",
            rf"\includegraphics[max width=\linewidth]{{{FOLDER}/{figure.file}}}",
            rf"\caption{{{figure.caption}}}\label{{{figure.label}}}",
            r"\end{figure}",
        ]
    )
