"""The names of settings, values and macros."""

import re

import pytest

from sweep.paper.names import field_name, group_name, macro_word, metric_name, setting_name, settings_phrase, value_text


def test_settings_have_the_names_of_papers() -> None:
    assert [setting_name(key) for key in ("lora.rank", "smart.lam", "decode.top_p", "lr", "decode.generations")] == [
        "LoRA rank", r"SMART $\lambda$", "top-$p$", "learning rate", "generations",
    ]  # fmt: skip
    assert (group_name("lora.rank"), field_name("lora.rank"), group_name("lr")) == ("LoRA", "rank", "")
    assert setting_name("my_x.a_%") == r"my\_x a \%"


def test_values_are_short() -> None:
    assert [value_text(one) for one in (None, True, 10_000, 1e-5, 0.05, 2.0, "soap", "a_b")] == [
        "--", "yes", "10,000", r"\num{1e-5}", "0.05", "2", "SOAP", r"a\_b",
    ]  # fmt: skip
    assert settings_phrase({"lora.rank": 2, "smart.lam": None, "lr": 1e-5}) == r"LoRA rank 2, learning rate \num{1e-5}"


def test_metrics() -> None:
    assert [metric_name(one) for one in ("chrf", "test_chrf", "dev_loss", "my_f%")] == [
        "chrF", "test chrF", "dev loss", r"my f\%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "word"), [("lora_rank", "LoraRank"), ("run12.b-C", "RunOneTwoBC"), ("\u03bb_1", "One")]
)
def test_macros_have_letters_only(text: str, word: str) -> None:
    assert macro_word(text) == word
    assert re.fullmatch("[A-Za-z]+", word)
