"""Several draws of the same prompts."""

import pytest
import torch

from model.config import DecodeConfig
from model.decoding.batch import Continuation, GenerationBatch
from model.decoding.generate import continuations, draws, generate, generate_draws
from model.errors import SettingError
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.rng import derive_seed
from tests.model.decoding.test_generate import EOS, PROMPTS

SAMPLED = [
    {"top_p": 0.9},
    {"top_k": 40},
    {"generations": 3},
    {"beams": 1, "top_p": 0.9},
    {"beams": 3, "top_k": 20},
    {"max_lines": 2},
]
NEWLINES = (torch.arange(97) % 13 == 0).long()


def drawn(model: GPT2, repeats: int, **settings: object) -> list[list[Continuation]]:
    decode = DecodeConfig(**settings, repeats=repeats, max_new_tokens=15)  # type: ignore[arg-type]
    return draws(model, PROMPTS, decode, eos_id=EOS, newlines=NEWLINES, seed=4)


@pytest.mark.parametrize("settings", SAMPLED, ids=str)
def test_first_draw_is_the_single_one_to_the_last_bit(small_model: GPT2, settings: dict[str, object]) -> None:
    (single,) = drawn(small_model, 1, **settings)
    assert drawn(small_model, 4, **settings)[0] == single


@pytest.mark.parametrize("settings", SAMPLED, ids=str)
def test_draw_is_that_of_its_own_seed(small_model: GPT2, settings: dict[str, object]) -> None:
    """The others are one batch, so only rounding may differ from decoding each by itself."""
    decode = DecodeConfig(**settings, max_new_tokens=15)  # type: ignore[arg-type]
    for number, draw in enumerate(drawn(small_model, 4, **settings)[1:], start=1):
        seed = derive_seed(4, "draw", number)
        alone = continuations(small_model, PROMPTS, decode, eos_id=EOS, newlines=NEWLINES, seed=seed)
        assert [text.ids for text in draw] == [text.ids for text in alone]
        assert [text.log_prob for text in draw] == pytest.approx([text.log_prob for text in alone], abs=1e-4)


def test_draws_differ(small_model: GPT2) -> None:
    found = drawn(small_model, 5, top_p=0.9)
    assert len({tuple(draw[0].ids) for draw in found}) == 5


def test_prompts_are_read_once(small_model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    read, calls = GenerationBatch.read_prompts, []
    monkeypatch.setattr(GenerationBatch, "read_prompts", lambda rows: calls.append(1) or read(rows))
    drawn(small_model, 4, top_p=0.9)
    assert len(calls) == 1


def test_texts_of_all_draws(loud_model: GPT2, small_tokenizer: Tokenizer) -> None:
    prompts = ["the rose", "my sweet summer"]
    decode = DecodeConfig(repeats=3, max_new_tokens=6)
    texts = generate_draws(loud_model, small_tokenizer, prompts, decode, seed=1)
    assert [len(draw) for draw in texts] == [2, 2, 2]
    assert texts[0] == generate(loud_model, small_tokenizer, prompts, decode, seed=1)
    assert texts[1] != texts[0]


def test_one_repeat_is_none() -> None:
    assert DecodeConfig(repeats=1) == DecodeConfig()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beams": 3}, "beams without top_p or top_k sample nothing"),
        ({"top_k": 1}, "with top_k 1 all draws are the same"),
        ({"beams": 2, "top_k": 1}, "with top_k 1 all draws are the same"),
    ],
)
def test_repeats_without_sampling_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(SettingError, match=f"decode.repeats: has no effect: {message}"):
        DecodeConfig(**settings, repeats=5)  # type: ignore[arg-type]
