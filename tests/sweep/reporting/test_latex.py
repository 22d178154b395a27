"""Escaping for LaTeX."""

from sweep.reporting.latex import escape


def test_special_characters() -> None:
    assert escape("lora.rank_8 & 50% #1 {a} $x$") == r"lora.rank\_8 \& 50\% \#1 \{a\} \$x\$"
    assert escape("a\\b~c^d") == r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d"
    assert escape("<|>") == r"\textless{}\textbar{}\textgreater{}"


def test_line_breaks_are_spaces() -> None:
    assert escape("one\n\ntwo\tthree") == "one two three"


def test_other_letters_stay() -> None:
    assert escape("Größe 8 λ") == "Größe 8 λ"
