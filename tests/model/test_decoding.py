"""Decoding against transformers, by hand, and row by row."""

import pytest
import torch
from torch import Tensor
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from model.config import DecodeConfig
from model.decoding import candidates, draw, generate, generate_ids
from model.gpt2 import GPT2
from model.streams import stream
from model.tokenizer import Tokenizer
from tests.model.references import hugging_face

PROMPTS = [[5, 9, 2], [7], [1, 2, 3, 4, 5, 6, 8]]
EOS = 96


def their_distribution(logits: Tensor, decode: DecodeConfig) -> Tensor:
    scores = TemperatureLogitsWarper(decode.temperature)(None, logits)
    if decode.top_k is not None:
        scores = TopKLogitsWarper(decode.top_k)(None, scores)
    if decode.top_p is not None:
        scores = TopPLogitsWarper(decode.top_p)(None, scores)
    return scores.softmax(1)


@pytest.mark.parametrize("top_p", [None, 0.01, 0.5, 0.9, 0.98, 1.0])
@pytest.mark.parametrize("top_k", [None, 1, 3, 50, 1000])
@pytest.mark.parametrize("temperature", [0.5, 1.2])
def test_the_distribution_is_that_of_transformers(top_p: float | None, top_k: int | None, temperature: float) -> None:
    decode = DecodeConfig(temperature=temperature, top_p=top_p, top_k=top_k)
    logits = torch.randn(40, 200, generator=stream(0, "test")) * 3
    probabilities, ids = candidates(logits, decode)
    ours = torch.zeros_like(logits).scatter(1, ids, probabilities)
    torch.testing.assert_close(ours, their_distribution(logits, decode), atol=1e-6, rtol=1e-5)


def test_the_token_that_crosses_p_is_kept() -> None:
    logits = torch.tensor([[0.2, 0.5, 0.3]]).log()
    probabilities, ids = candidates(logits, DecodeConfig(temperature=1.0, top_p=0.6))
    assert ids.tolist() == [[1, 2, 0]]
    torch.testing.assert_close(probabilities, torch.tensor([[0.625, 0.375, 0.0]]))


def test_at_least_one_token_is_kept() -> None:
    logits = torch.randn(20, 50, generator=stream(1, "test"))
    probabilities, ids = candidates(logits, DecodeConfig(top_p=1e-9))
    assert torch.equal(ids[:, 0], logits.argmax(1))
    assert torch.equal(probabilities[:, 0], torch.ones(20))


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 7), (0.49, 7), (0.5, 3), (0.79, 3), (0.81, 4), (0.99999994, 4)])
def test_a_uniform_number_picks_its_token(uniform: float, token: int) -> None:
    probabilities, ids = torch.tensor([[0.5, 0.3, 0.2, 0.0]]), torch.tensor([[7, 3, 4, 9]])
    assert draw(probabilities, ids, torch.tensor([uniform])).tolist() == [token]


def test_draws_follow_the_distribution() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.2]]).expand(20_000, 3)
    ids = torch.tensor([[0, 1, 2]]).expand(20_000, 3)
    drawn = draw(probabilities, ids, torch.rand(20_000, generator=stream(2, "test")))
    torch.testing.assert_close(drawn.bincount() / 20_000, probabilities[0], atol=0.02, rtol=0)


def test_greedy_ids_equal_transformers(small_model: GPT2) -> None:
    """A batch padded on the left; transformers is given one prompt at a time."""
    theirs = hugging_face(small_model)
    ours = generate_ids(small_model, PROMPTS, DecodeConfig(top_k=1, max_new_tokens=20), eos_id=EOS)
    for prompt, row in zip(PROMPTS, ours, strict=True):
        ids = torch.tensor([prompt])
        out = theirs.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=20,
            pad_token_id=EOS,
            eos_token_id=EOS,
        )
        assert row == [token for token in out[0, len(prompt) :].tolist() if token != EOS]


def test_sampled_ids_equal_a_loop_without_cache_or_batch(small_model: GPT2) -> None:
    """The same uniform draws, one row at a time, the whole text run through the model at every step."""
    decode, seed = DecodeConfig(temperature=0.9, top_p=0.8, top_k=40, max_new_tokens=15), 4
    ours = generate_ids(small_model, PROMPTS, decode, eos_id=EOS, seed=seed)
    luck = stream(seed, "decode")
    uniforms = torch.stack([torch.rand(len(PROMPTS), generator=luck) for _ in range(15)])
    for row, prompt in enumerate(PROMPTS):
        ids, new = list(prompt), list[int]()
        with torch.no_grad():
            for step in range(15):
                logits = small_model(torch.tensor([ids]))[:, -1]
                token = int(draw(*candidates(logits, decode), uniforms[step, row : row + 1]))
                if token == EOS:
                    break
                ids.append(token)
                new.append(token)
        assert ours[row] == new


def test_the_same_seed_repeats_and_another_differs(small_model: GPT2) -> None:
    decode = DecodeConfig(max_new_tokens=20)
    first = generate_ids(small_model, PROMPTS, decode, eos_id=EOS, seed=0)
    assert generate_ids(small_model, PROMPTS, decode, eos_id=EOS, seed=0) == first
    assert generate_ids(small_model, PROMPTS, decode, eos_id=EOS, seed=1) != first


def test_a_row_that_ends_does_not_end_the_others(small_model: GPT2) -> None:
    """Some token of the first row is taken for end of text."""
    decode = DecodeConfig(top_k=1, max_new_tokens=12)
    free = generate_ids(small_model, PROMPTS, decode, eos_id=EOS)
    end = free[0][3]
    stopped = generate_ids(small_model, PROMPTS, decode, eos_id=end)
    for before, after in zip(free, stopped, strict=True):
        assert after == (before[: before.index(end)] if end in before else before)
    assert len(stopped[0]) < len(free[0])


def test_it_stops_at_the_limits(small_model: GPT2) -> None:
    assert all(len(row) <= 5 for row in generate_ids(small_model, PROMPTS, DecodeConfig(max_new_tokens=5), eos_id=EOS))
    prompts = [[3] * 60]
    assert len(generate_ids(small_model, prompts, DecodeConfig(top_k=1, max_new_tokens=99), eos_id=-1)[0]) == 4


@pytest.mark.parametrize("prompts", [[], [[]], [[1], []], [[1] * 64]])
def test_prompts_that_cannot_be_continued_are_refused(small_model: GPT2, prompts: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="prompt"):
        generate_ids(small_model, prompts, DecodeConfig(), eos_id=EOS)


def test_the_model_comes_back_in_the_mode_it_was_in(small_model: GPT2) -> None:
    for mode in (True, False):
        small_model.train(mode)
        generate_ids(small_model, [[1]], DecodeConfig(max_new_tokens=2), eos_id=EOS)
        assert small_model.training is mode


def test_text_in_text_out(loud_model: GPT2, small_tokenizer: Tokenizer) -> None:
    prompts = ["the rose", "my sweet summer"]
    decode = DecodeConfig(top_k=1, max_new_tokens=8)
    ids = generate_ids(loud_model, [small_tokenizer.encode(p) for p in prompts], decode, eos_id=small_tokenizer.eos_id)
    texts = generate(loud_model, small_tokenizer, prompts, decode)
    assert texts == [small_tokenizer.decode(row) for row in ids]
