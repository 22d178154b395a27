"""Texts that would command a terminal are shown, not obeyed."""

from sweep.reporting.printable import printable


def test_escapes_are_visible() -> None:
    assert printable("a\x1b[2Jb\tc\r\n") == "a\\x1b[2Jb\\tc\\r\n"
    assert printable("\x9b31m\x00") == "\\x9b31m\\x00"


def test_right_to_left_marks_are_visible() -> None:
    assert printable("safe\u202egnp.exe\u2066\u200f\ufeff") == "safe\\u202egnp.exe\\u2066\\u200f\\ufeff"


def test_half_characters_can_be_printed() -> None:
    assert printable("\ud800\u2028").encode() == b"\\ud800\\u2028"


def test_letters_of_all_scripts_stay() -> None:
    assert printable("Größe\nשלם 日本 é 😀") == "Größe\nשלם 日本 é 😀"
