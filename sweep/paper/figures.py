"""The figures of a paper."""

from collections.abc import Sequence
from dataclasses import dataclass

FOLDER = "figures"  # in the folder of a paper


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A PDF file in the folder of figures. `caption` is LaTeX source."""

    file: str
    caption: str
    label: str


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
