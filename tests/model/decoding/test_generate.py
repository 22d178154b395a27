"""Decoding compared with transformers, with hand-computed values, and row by row."""

import pytest
import torch
from torch import Tensor
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from model.config import DecodeConfig
from model.decoding.batch import Continuation
from model.decoding.generate import continuations, generate, newline_counts
from model.decoding.sampling import candidates, sample_from, sample_token
from model.gpt2 import GPT2
from model.pretrained.tokenizer import Tokenizer
from model.rng import generator
from tests.model.decoding.generated import generate_ids
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
    logits = torch.randn(40, 200, generator=generator(0, "test")) * 3
    probabilities, ids = candidates(logits, decode)
    ours = torch.zeros_like(logits).scatter(1, ids, probabilities)
    torch.testing.assert_close(ours, their_distribution(logits, decode), atol=1e-6, rtol=1e-5)


def test_the_token_that_crosses_p_is_kept() -> None:
    logits = torch.tensor([[0.2, 0.5, 0.3]]).log()
    probabilities, ids = candidates(logits, DecodeConfig(temperature=1.0, top_p=0.6))
    assert ids.tolist() == [[1, 2, 0]]
    torch.testing.assert_close(probabilities, torch.tensor([[0.625, 0.375, 0.0]]))


def test_at_least_one_token_is_kept() -> None:
    logits = torch.randn(20, 50, generator=generator(1, "test"))
    probabilities, ids = candidates(logits, DecodeConfig(top_p=1e-9))
    assert torch.equal(ids[:, 0], logits.argmax(1))
    assert torch.equal(probabilities[:, 0], torch.ones(20))


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 7), (0.49, 7), (0.5, 3), (0.79, 3), (0.81, 4), (0.99999994, 4)])
def test_a_uniform_number_picks_its_token(uniform: float, token: int) -> None:
    probabilities, ids = torch.tensor([[0.5, 0.3, 0.2, 0.0]]), torch.tensor([[7, 3, 4, 9]])
    assert sample_from(probabilities, ids, torch.tensor([uniform])).tolist() == [token]


def test_sampled_tokens_follow_the_distribution() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.2]]).expand(20_000, 3)
    ids = torch.tensor([[0, 1, 2]]).expand(20_000, 3)
    drawn = sample_from(probabilities, ids, torch.rand(20_000, generator=generator(2, "test")))
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
    generators = generator(seed, "decode")
    uniforms = torch.stack([torch.rand(len(PROMPTS), generator=generators) for _ in range(15)])
    for row, prompt in enumerate(PROMPTS):
        ids, new = list(prompt), list[int]()
        with torch.no_grad():
            for step in range(15):
                logits = small_model(torch.tensor([ids]))[:, -1]
                token = int(sample_from(*candidates(logits, decode), uniforms[step, row : row + 1]))
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


DECODINGS = [
    DecodeConfig(top_k=1, max_new_tokens=99),
    DecodeConfig(top_p=0.9, max_new_tokens=30),
    DecodeConfig(generations=3, max_new_tokens=99),
    DecodeConfig(beams=3, max_new_tokens=99),
    DecodeConfig(beams=2, rank_by="mean", max_new_tokens=40),
    DecodeConfig(beams=2, top_p=0.9, max_new_tokens=99),
]


@pytest.mark.parametrize("decode", DECODINGS, ids=str)
def test_a_long_prompt_does_not_shorten_the_other_rows(small_model: GPT2, decode: DecodeConfig) -> None:
    """Positions: 64. Row b draws the same numbers whatever the others hold."""
    with_long = [PROMPTS[0], [3] * 58, PROMPTS[2]]
    short = generate_ids(small_model, PROMPTS, decode, eos_id=-1, seed=2)
    mixed = generate_ids(small_model, with_long, decode, eos_id=-1, seed=2)
    assert [mixed[0], mixed[2]] == [short[0], short[2]]
    for prompt, row in zip(with_long, mixed, strict=True):
        assert len(row) == min(decode.max_new_tokens, 64 - len(prompt))


@pytest.mark.parametrize("decode", [DECODINGS[0], DECODINGS[3]], ids=str)
def test_a_row_of_a_batch_is_what_it_is_alone(small_model: GPT2, decode: DecodeConfig) -> None:
    prompts = [[5, 9, 2], [3] * 58, [7]]
    batch = generate_ids(small_model, prompts, decode, eos_id=EOS)
    assert batch == [generate_ids(small_model, [prompt], decode, eos_id=EOS)[0] for prompt in prompts]


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


@pytest.mark.parametrize(
    "limits",
    [{"temperature": value} for value in (1e-3, 1e-30, 1e-45, 1e-300)] + [{"top_p": v} for v in (1e-9, 1e-50, 5e-324)],
    ids=str,
)
@pytest.mark.parametrize("extra", [{}, {"top_k": 5}, {"beams": 2}, {"generations": 2}], ids=str)
def test_tiny_temperature_and_top_p_are_greedy(
    small_model: GPT2, limits: dict[str, float], extra: dict[str, int]
) -> None:
    """The limit. Beams draw two tokens each, of which the greedy one is the more probable."""
    small = {"temperature": 1.2, "top_p": 0.9, **limits}
    decode = DecodeConfig(**small, max_new_tokens=12, **extra)
    greedy = DecodeConfig(top_k=1, max_new_tokens=12)
    expected = generate_ids(small_model, PROMPTS, greedy, eos_id=-1)
    assert generate_ids(small_model, PROMPTS, decode, eos_id=-1, seed=3) == expected


@pytest.mark.parametrize("top_p", [None, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("top_k", [None, 5])
@pytest.mark.parametrize("ties", [False, True])
def test_sample_token_equals_sample_from(top_p: float | None, top_k: int | None, ties: bool) -> None:
    decode = DecodeConfig(top_p=top_p, top_k=top_k)
    logits = torch.randn(300, 400, generator=generator(0, "test")) * 3
    logits = logits.round() if ties else logits
    uniform = torch.rand(300, generator=generator(1, "test"))
    assert torch.equal(sample_token(logits, decode, uniform), sample_from(*candidates(logits, decode), uniform))


@pytest.mark.parametrize("row", range(3))
def test_a_greedy_row_does_not_depend_on_the_others(small_model: GPT2, row: int) -> None:
    decode = DecodeConfig(top_k=1, max_new_tokens=20)
    together = generate_ids(small_model, PROMPTS, decode, eos_id=EOS)
    assert generate_ids(small_model, PROMPTS[row : row + 1], decode, eos_id=EOS) == together[row : row + 1]


# --- several texts, the most probable of which is kept


def plain_text(
    model: GPT2, prompt: list[int], decode: DecodeConfig, uniforms: Tensor, eos_id: int, newlines: Tensor | None = None
) -> Continuation:
    """One text, the whole of it run through the model at every step; (S,) uniform numbers."""
    ids, log_prob, tokens = list(prompt), 0.0, 0
    for uniform in uniforms:
        with torch.no_grad():
            logits = model(torch.tensor([ids]))[:, -1]
        token = int(sample_from(*candidates(logits, decode), uniform[None]))
        log_prob, tokens = log_prob + float(logits.log_softmax(1)[0, token]), tokens + 1
        if token == eos_id:
            break
        ids.append(token)
        if newlines is not None and newlines[ids].sum() >= (decode.max_lines or 0):
            break
    return Continuation(ids[len(prompt) :], log_prob, tokens)


@pytest.mark.parametrize("rank_by", ["cumulative", "mean"])
@pytest.mark.parametrize("max_lines", [None, 2])
def test_the_best_text_is_that_of_a_plain_loop(small_model: GPT2, rank_by: str, max_lines: int | None) -> None:
    """The end of text is common here, and its log-probability counts."""
    decode = DecodeConfig(top_k=40, generations=4, rank_by=rank_by, max_new_tokens=12, max_lines=max_lines)
    seed, end = 5, generate_ids(small_model, PROMPTS, decode, eos_id=-1, newlines=torch.zeros(97))[0][2]
    newlines = torch.zeros(97, dtype=torch.long)
    newlines[20:30] = 1
    ours = continuations(small_model, PROMPTS, decode, eos_id=end, newlines=newlines, seed=seed)
    lucks = [generator(seed, "decode"), *(generator(seed, "decode", text) for text in (1, 2, 3))]
    uniforms = torch.stack(
        [torch.stack([torch.rand(3, generator=generators) for generators in lucks]) for _ in range(12)]
    )
    for row, prompt in enumerate(PROMPTS):
        texts = [
            plain_text(small_model, prompt, decode, uniforms[:, text, row], end, newlines if max_lines else None)
            for text in range(4)
        ]
        best = max(texts, key=lambda text: text.score(rank_by))
        assert (ours[row].ids, ours[row].tokens) == (best.ids, best.tokens)
        assert ours[row].log_prob == pytest.approx(best.log_prob, abs=1e-4)


def test_first_of_several_texts_equals_a_single_one(small_model: GPT2) -> None:
    """So several are never worse than the one, by the measure they are chosen with."""
    kept = 0
    for seed in range(5):
        single = DecodeConfig(top_p=0.9, max_new_tokens=12)
        several = DecodeConfig(top_p=0.9, max_new_tokens=12, generations=2, rank_by="cumulative")
        one, two = (continuations(small_model, PROMPTS, d, eos_id=EOS, seed=seed) for d in (single, several))
        assert all(b.log_prob >= a.log_prob - 1e-4 for a, b in zip(one, two, strict=True))
        kept += sum(a.ids == b.ids for a, b in zip(one, two, strict=True))
    assert 0 < kept < 5 * len(PROMPTS)  # the first is sometimes the best of the two


def test_the_score_counts_end_of_text() -> None:
    assert Continuation.unpadded([4, 5, 9, 0], -6.0, 3, eos_id=9) == Continuation([4, 5], -6.0, 3)
    assert Continuation.unpadded([4, 5, 6, 0], -6.0, 3, eos_id=9) == Continuation([4, 5, 6], -6.0, 3)
    assert Continuation([4, 5], -6.0, 3).score("mean") == -2
    assert Continuation([4, 5], -6.0, 3).score("cumulative") == -6
    assert Continuation([], 0.0, 0).score("mean") == 0


# --- lines


def test_every_tokens_line_breaks_are_counted(small_tokenizer: Tokenizer) -> None:
    counts = newline_counts(small_tokenizer, 310)
    text = "the rose\n\nof summer\n"
    assert counts[small_tokenizer.encode(text)].sum() == 3
    assert counts[small_tokenizer.eos_id] == 0
    assert counts[300:].sum() == 0


@pytest.mark.parametrize("settings", [{}, {"generations": 2}, {"beams": 2}, {"beams": 2, "top_k": 9}], ids=str)
def test_text_is_cut_at_the_end_of_its_last_line(
    loud_model: GPT2, small_tokenizer: Tokenizer, settings: dict[str, int]
) -> None:
    """The line break is made the most probable token now and then."""
    (newline,) = small_tokenizer.encode("\n")
    weight = loud_model.transformer.wte.weight.data
    weight[newline] = weight[weight.norm(dim=1).argmax()] * 1.1
    prompts = ["the rose\nof", "my sweet\nsummer\n"]
    decode = DecodeConfig(**settings, max_lines=4, max_new_tokens=200)
    texts = generate(loud_model, small_tokenizer, prompts, decode)
    lines = [(prompt + text).count("\n") + 1 for prompt, text in zip(prompts, texts, strict=True)]
    assert max(lines) == 4  # the last without its line break; end of text may come before
    if not settings:  # sampling writes on as it would have; a search may then find another text
        longer = generate(loud_model, small_tokenizer, prompts, DecodeConfig(max_new_tokens=200))
        assert all((long + "\n").startswith(text + "\n") for long, text in zip(longer, texts, strict=True))
        assert longer != texts


def test_a_prompt_with_all_its_lines_is_left_alone(loud_model: GPT2, small_tokenizer: Tokenizer) -> None:
    decode = DecodeConfig(max_lines=2, max_new_tokens=5)
    done, open_ = generate(loud_model, small_tokenizer, ["a\nb\n", "a\nb"], decode)
    assert done == ""
    assert open_


def test_lines_cannot_be_counted_without_newlines(small_model: GPT2) -> None:
    with pytest.raises(ValueError, match="max_lines needs newlines"):
        generate_ids(small_model, PROMPTS, DecodeConfig(max_lines=3), eos_id=EOS)


def test_an_error_leaves_the_model_in_its_mode(small_model: GPT2) -> None:
    small_model.train()
    with pytest.raises(ValueError, match="beams"):
        generate_ids(small_model, PROMPTS, DecodeConfig(beams=98), eos_id=EOS)
    assert small_model.training


def test_one_text_gives_one_text(loud_model: GPT2, small_tokenizer: Tokenizer) -> None:
    decode = DecodeConfig(max_new_tokens=5)
    (only,) = generate(loud_model, small_tokenizer, ["the rose"], decode, seed=3)
    text = generate(loud_model, small_tokenizer, "the rose", decode, seed=3)
    assert isinstance(text, str)
    assert text == only


@pytest.mark.parametrize("decode", [*DECODINGS, DecodeConfig(repeats=2)], ids=str)
def test_in_bf16_equal_calls_have_equal_texts(small_model: GPT2, decode: DecodeConfig) -> None:
    """Drawn from logits in fp32. With other prompts beside it, a text may differ, which is no error in bf16."""
    small_model.compute_in(torch.bfloat16)
    one, other = (continuations(small_model, PROMPTS, decode, eos_id=EOS, seed=3) for _ in range(2))
    assert one == other
    assert small_model(torch.tensor(PROMPTS[:1])).dtype == torch.float32
