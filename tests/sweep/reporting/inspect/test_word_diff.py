"""Word diffs."""

from sweep.reporting.inspect.word_diff import word_diff


def test_words_are_marked() -> None:
    assert word_diff("the sad old bough", "the old green bough") == "the [-sad-] old {+green+} bough"
    assert word_diff("a b", "c d") == "[-a b-]{+c d+}"


def test_equal_texts_have_no_marks() -> None:
    assert word_diff("one two\nthree", "one  two\nthree") == "one  two\nthree"
    assert word_diff("", "") == ""


def test_lines_stay_lines() -> None:
    assert word_diff("one\ntwo\nfour", "one\nthree\nfour") == "one\n[-two-]\n{+three+}\nfour"


def test_additions_and_removals_at_the_ends() -> None:
    assert word_diff("a", "a b") == "a {+b+}"
    assert word_diff("a b", "b") == "[-a-] b"


def test_escapes_are_visible() -> None:
    assert word_diff("x", "\x1b[2J") == "[-x-]{+\\x1b[2J+}"
