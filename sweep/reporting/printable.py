"""Texts of models and data as a terminal may show them."""

import unicodedata

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control and format characters (also of right-to-left text), line separators


def printable(text: str) -> str:
    r"""Return `text` with unseen characters escaped, as in \x1b and \u202e. Line breaks stay."""
    return "".join(
        one.encode("unicode_escape").decode() if unicodedata.category(one) in UNSEEN and one != "\n" else one
        for one in text
    )
