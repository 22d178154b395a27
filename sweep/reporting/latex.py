"""Text for LaTeX."""

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
TABLE = str.maketrans(SPECIAL)


def escape(text: str) -> str:
    """Return `text` as LaTeX source that prints it: LaTeX's special characters are escaped, line breaks are spaces."""
    return " ".join(text.translate(TABLE).split())
