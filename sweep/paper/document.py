"""The document that puts the parts of a paper together."""

from collections.abc import Mapping, Sequence

PREAMBLE = r"""
\documentclass[11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=2.5cm]{geometry}
\usepackage{mathpazo}
\usepackage[scaled=0.92]{helvet}
\renewcommand{\ttdefault}{txtt}
\usepackage{microtype}
\usepackage{array}
\usepackage{booktabs}
\usepackage{caption}
\usepackage[numbers,sort&compress]{natbib}
\usepackage{graphicx}
\usepackage{adjustbox}
\usepackage{placeins}
\usepackage{siunitx}
\usepackage{threeparttable}
\captionsetup{font=small,labelfont=bf,skip=6pt}
\sisetup{group-minimum-digits=5,group-separator={,}}
\emergencystretch=3em
\raggedbottom
""".strip()
PACKAGES = "The parts need the packages adjustbox, array, booktabs, graphicx, siunitx and threeparttable."


def main_tex(title: str, sections: Mapping[str, Sequence[str]]) -> str:
    """Return a document with `sections`: their headings, and the files that each of them inputs.

    Tables stay behind the text of their file. `title` is LaTeX source.
    """
    lines = [f"% {PACKAGES}", PREAMBLE, rf"\title{{{title}}}", r"\author{}", r"\date{}", r"\input{numbers.tex}", ""]
    lines += [r"\begin{document}", r"\maketitle"]
    for heading, files in sections.items():
        lines += ["", rf"\section{{{heading}}}", *(rf"\input{{{file}}}\FloatBarrier" for file in files)]
    lines += ["", r"\bibliographystyle{plainnat}", r"\bibliography{references}"]
    return "\n".join([*lines, "", r"\end{document}"])
