"""Text as LaTeX source."""

import pytest

from sweep.paper.texts import breakable, comment, listed, plain, with_code
from sweep.reporting.numbers import counted


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("lora_rank", r"lora\_rank"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a\nb\x00c", "a b c"),
        ("[x] *", "{[}x{]} {*}"),  # after \\ of a table's row, [x] and * would be its arguments
        ("--set---x", "-{}-set-{}-{}-x"),
        ("it''s `x`", "it'{}'s {`}x{`}"),
        ("é ß", "é ß"),
        ("\u03bb \u2265 2 \u2013 3", r"$\lambda$ $\ge$ 2 -- 3"),
        ("\u4e2d", "U+4E2D"),
        (7, "7"),
    ],
)
def test_plain_prints_any_text(text: object, source: str) -> None:
    assert plain(text) == source


def test_long_words_break_and_short_ones_do_not() -> None:
    assert breakable("decode.max_new_tokens=128") == (
        r"decode.\allowbreak{}max\_\allowbreak{}new\_\allowbreak{}tokens=\allowbreak{}128"
    )
    assert breakable("fine-tuning (baseline)") == "fine-tuning (baseline)"
    assert breakable("x" * 40).count(r"\allowbreak{}") == 9


def test_code_is_set_apart_and_hyphens_before_numbers_are_minus_signs() -> None:
    assert with_code("a - b: -0.19 to 2e-3; `sweep run --seeds 6` makes one") == (
        r"a $-$ b: $-$0.19 to 2e-3; \texttt{sweep run -{}-seeds 6} makes one"
    )


def test_a_comment_cannot_be_left() -> None:
    lines = comment("points: a\n\\newcommand{\\x}{1}\r\x0b\u2028 b " + "c " * 100).splitlines()
    assert len(lines) > 1
    assert all(line.startswith("% ") and len(line) <= 102 for line in lines)


def test_lists_and_counts() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [counted(1, "seed"), counted(1200, "seed")] == ["1 seed", "1,200 seeds"]
