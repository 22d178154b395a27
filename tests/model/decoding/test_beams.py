"""Beam search compared with transformers and with a plain loop, and its sampling distribution."""

import math

import pytest
import torch
from torch import Tensor

from model.config import DecodeConfig
from model.decoding.batch import Continuation
from model.decoding.generate import continuations
from model.decoding.sampling import candidates, sample_distinct_tokens
from model.gpt2 import GPT2, KVCache
from model.rng import generator
from tests.model.decoding.generated import generate_ids
from tests.model.references import hugging_face

PROMPTS = [[5, 9, 2], [7], [1, 2, 3, 4, 5, 6, 8]]
EOS = 96
NEWLINES = torch.zeros(97, dtype=torch.long)
NEWLINES[10:22] = 1  # enough for some to be drawn


def likely_to_end(model: GPT2, eos_id: int) -> GPT2:
    """`model` with its end of text as probable as its most probable tokens, so that texts do end."""
    weight = model.transformer.wte.weight.data
    weight[eos_id] = weight[model.transformer.wte.weight.norm(dim=1).argmax()] * 1.3
    return model


def log_probs_after(model: GPT2, ids: list[int]) -> Tensor:
    """The whole text run through the model, without cache or batch: (V,)."""
    with torch.no_grad():
        return model(torch.tensor([ids]))[0, -1].log_softmax(0)


def plain_beams(
    model: GPT2, prompt: list[int], n: int, room: int, eos_id: int, mean: bool, lines: int | None = None
) -> Continuation:
    """Beam search as one writes it down: every extension of every beam, sorted; no bound stops it early."""
    beams, finished = [(0.0, list[int]())], list[Continuation]()
    for step in range(room):
        pool = sorted(
            (
                (score + value, [*new, token])
                for score, new in beams
                for token, value in enumerate(log_probs_after(model, prompt + new).tolist())
            ),
            reverse=True,
        )
        ends = {
            tuple(new): new[-1] == eos_id
            or step == room - 1
            or (lines is not None and int(NEWLINES[prompt + new].sum()) >= lines)
            for _, new in pool
        }
        finished += [
            Continuation([token for token in new if token != eos_id], score, len(new))
            for score, new in pool[:n]
            if ends[tuple(new)]
        ]
        beams = [(score, new) for score, new in pool if not ends[tuple(new)]][:n]
    return max(finished, key=lambda text: text.score("mean" if mean else "cumulative"))


def assert_same(ours: Continuation, expected: Continuation) -> None:
    assert (ours.ids, ours.tokens) == (expected.ids, expected.tokens)
    assert ours.log_prob == pytest.approx(expected.log_prob, abs=1e-4)


@pytest.mark.parametrize("rank_by", ["cumulative", "mean"])
@pytest.mark.parametrize("beams", [1, 2, 3, 5])
@pytest.mark.parametrize("ends", [False, True])
def test_ids_and_scores_equal_transformers(small_model: GPT2, beams: int, rank_by: str, ends: bool) -> None:
    """Ours a batch padded on the left; transformers is given one prompt at a time."""
    model = likely_to_end(small_model, EOS) if ends else small_model
    decode = DecodeConfig(beams=beams, rank_by=rank_by, max_new_tokens=20)
    ours = continuations(model, PROMPTS, decode, eos_id=EOS)
    theirs = hugging_face(model)
    for prompt, text in zip(PROMPTS, ours, strict=True):
        ids = torch.tensor([prompt])
        out = theirs.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            num_beams=beams,
            length_penalty=1.0 if rank_by == "mean" else 0.0,
            early_stopping="never" if beams > 1 else False,
            max_new_tokens=20,
            pad_token_id=EOS,
            eos_token_id=EOS,
            return_dict_in_generate=True,
            output_scores=True,
        )
        assert text.ids == [token for token in out.sequences[0, len(prompt) :].tolist() if token != EOS]
        if beams > 1:  # transformers scores no single beam
            assert text.score(rank_by) == pytest.approx(out.sequences_scores.item(), abs=1e-4)


def test_texts_of_the_fixture_do_end(small_model: GPT2) -> None:
    """Else the test above would compare nothing but full lengths."""
    decode = DecodeConfig(beams=3, max_new_tokens=20)
    texts = continuations(likely_to_end(small_model, EOS), PROMPTS, decode, eos_id=EOS)
    assert min(len(text.ids) for text in texts) < 20
    assert any(text.tokens == len(text.ids) + 1 for text in texts)


@pytest.mark.parametrize("lines", [None, 1, 2, 4])
@pytest.mark.parametrize("rank_by", ["cumulative", "mean"])
def test_it_equals_a_plain_loop_without_cache_or_batch(small_model: GPT2, rank_by: str, lines: int | None) -> None:
    model = likely_to_end(small_model, 11)
    decode = DecodeConfig(beams=3, rank_by=rank_by, max_new_tokens=7, max_lines=lines)
    ours = continuations(model, PROMPTS, decode, eos_id=EOS, newlines=NEWLINES)
    for prompt, text in zip(PROMPTS, ours, strict=True):
        assert_same(text, plain_beams(model, prompt, 3, 7, EOS, rank_by == "mean", lines))


def test_one_beam_is_greedy(small_model: GPT2) -> None:
    greedy = generate_ids(small_model, PROMPTS, DecodeConfig(top_k=1, max_new_tokens=20), eos_id=EOS)
    assert generate_ids(small_model, PROMPTS, DecodeConfig(beams=1, max_new_tokens=20), eos_id=EOS) == greedy


def test_more_beams_find_no_less_probable_texts(small_model: GPT2) -> None:
    """Not a law of beam search, but here 20 tokens deep it holds for one beam against twelve."""
    one, many = (
        continuations(small_model, PROMPTS, DecodeConfig(beams=beams, max_new_tokens=20), eos_id=EOS)
        for beams in (1, 12)
    )
    assert all(b.log_prob >= a.log_prob for a, b in zip(one, many, strict=True))


@pytest.mark.parametrize("rank_by", ["cumulative", "mean"])
def test_a_prompts_text_does_not_depend_on_the_others(small_model: GPT2, rank_by: str) -> None:
    decode = DecodeConfig(beams=4, rank_by=rank_by, max_new_tokens=15)
    model = likely_to_end(small_model, EOS)
    together = continuations(model, PROMPTS, decode, eos_id=EOS)
    for prompt, text in zip(PROMPTS, together, strict=True):
        assert_same(text, continuations(model, [prompt], decode, eos_id=EOS)[0])


@pytest.mark.parametrize("settings", [{"beams": 5}, {"beams": 4, "top_p": 0.9}])
def test_only_tokens_that_beams_do_not_share_are_copied(
    small_model: GPT2, settings: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = DecodeConfig(**settings, max_new_tokens=20)  # type: ignore[arg-type]
    found = continuations(small_model, PROMPTS, decode, eos_id=EOS)
    starts, reorder = [], KVCache.reorder

    def whole(cache: KVCache, sources: Tensor, since: int) -> None:
        starts.append(since)
        reorder(cache, sources, len(PROMPTS[-1]))

    monkeypatch.setattr(KVCache, "reorder", whole)
    assert continuations(small_model, PROMPTS, decode, eos_id=EOS) == found
    assert max(starts) > len(PROMPTS[-1])


def test_the_log_probability_is_the_models_own(small_model: GPT2) -> None:
    for decode in (DecodeConfig(beams=3, max_new_tokens=9), DecodeConfig(beams=3, top_k=9, max_new_tokens=9)):
        (text,) = continuations(small_model, [PROMPTS[0]], decode, eos_id=-1)
        steps = range(len(text.ids))
        own = sum(float(log_probs_after(small_model, PROMPTS[0] + text.ids[:t])[text.ids[t]]) for t in steps)
        assert text.log_prob == pytest.approx(own, abs=1e-4)


def test_a_prompt_with_all_its_lines_is_not_continued(small_model: GPT2) -> None:
    for settings in ({"beams": 3}, {"beams": 3, "top_k": 5}, {"beams": 3, "rank_by": "mean"}):
        decode = DecodeConfig(**settings, max_lines=1, max_new_tokens=6)
        full, open_ = continuations(small_model, [[10, 3], [3, 5]], decode, eos_id=EOS, newlines=NEWLINES)
        assert full == Continuation([], 0.0, 0)
        assert open_.tokens > 0


def test_more_beams_than_tokens_are_refused(small_model: GPT2) -> None:
    with pytest.raises(ValueError, match="98 beams exceed the vocabulary of 97 tokens"):
        generate_ids(small_model, PROMPTS, DecodeConfig(beams=98), eos_id=EOS)


# --- stochastic


@pytest.mark.parametrize("settings", [{"top_k": 4}, {"top_p": 0.8}, {"top_k": 9, "top_p": 0.9, "rank_by": "mean"}])
def test_the_same_seed_repeats_and_another_differs(small_model: GPT2, settings: dict[str, float]) -> None:
    decode = DecodeConfig(beams=3, max_new_tokens=15, **settings)
    first = generate_ids(small_model, PROMPTS, decode, eos_id=EOS, seed=0)
    assert generate_ids(small_model, PROMPTS, decode, eos_id=EOS, seed=0) == first
    assert generate_ids(small_model, PROMPTS, decode, eos_id=EOS, seed=1) != first


@pytest.mark.parametrize("beams", [1, 2, 5])
def test_top_k_1_is_greedy(small_model: GPT2, beams: int) -> None:
    """Of several beams all but one are dead."""
    greedy = generate_ids(small_model, PROMPTS, DecodeConfig(top_k=1, max_new_tokens=20), eos_id=EOS)
    decode = DecodeConfig(beams=beams, top_k=1, max_new_tokens=20)
    assert generate_ids(small_model, PROMPTS, decode, eos_id=EOS) == greedy


@pytest.mark.parametrize("settings", [{"top_k": 5}, {"top_p": 0.8}, {"top_k": 20, "top_p": 0.9}])
def test_one_beam_is_plain_sampling(small_model: GPT2, settings: dict[str, float]) -> None:
    model = likely_to_end(small_model, EOS)
    plain = continuations(model, PROMPTS, DecodeConfig(**settings, max_new_tokens=20), eos_id=EOS, seed=3)
    beam = continuations(model, PROMPTS, DecodeConfig(beams=1, **settings, max_new_tokens=20), eos_id=EOS, seed=3)
    for ours, expected in zip(beam, plain, strict=True):
        assert_same(ours, expected)


def test_beams_stay_within_the_filtered_tokens(small_model: GPT2) -> None:
    """Every token of a text is among the top 3 where it stands."""
    (text,) = continuations(small_model, [PROMPTS[0]], DecodeConfig(beams=4, top_k=3, max_new_tokens=12), eos_id=-1)
    for t, token in enumerate(text.ids):
        assert token in log_probs_after(small_model, PROMPTS[0] + text.ids[:t]).topk(3).indices


@pytest.mark.parametrize("settings", [{"top_p": 0.99}, {"top_k": 4}])
def test_samples_without_replacement_follow_their_distribution(settings: dict[str, float]) -> None:
    """The pair (i, j) has probability p_i p_j / (1 - p_i), as in the Gumbel-top-k trick."""
    decode = DecodeConfig(temperature=1.0, **settings)
    logits = torch.tensor([[0.2, 0.1, 0.4, 0.3]]).log()
    count = 40_000
    drawn, there = sample_distinct_tokens(
        logits.expand(count, 4), decode, torch.rand(count, 2, generator=generator(0, "test"))
    )
    assert there.all()
    found = (drawn[:, 0] * 4 + drawn[:, 1]).bincount(minlength=16).view(4, 4) / count
    p = logits[0].exp()
    expected = (p[:, None] * p[None] / (1 - p[:, None])).fill_diagonal_(0)
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0)


def test_samples_without_replacement_end_with_the_candidates() -> None:
    logits = torch.randn(30, 50, generator=generator(1, "test"))
    tokens, there = sample_distinct_tokens(
        logits, DecodeConfig(top_k=3), torch.rand(30, 5, generator=generator(2, "test"))
    )
    assert there.tolist() == [[True] * 3 + [False] * 2] * 30
    assert torch.equal(tokens[:, :3].sort(1).values, logits.topk(3).indices.sort(1).values)


def test_first_sampled_token_equals_plain_sampling() -> None:
    """Ties included: half of these logits are equal."""
    logits = torch.randn(200, 60, generator=generator(3, "test")).mul(3).round()
    uniforms = torch.rand(200, 2, generator=generator(4, "test"))
    decode = DecodeConfig(top_p=0.9)
    first, _ = sample_distinct_tokens(logits, decode, uniforms)
    probabilities, ids = candidates(logits, decode)
    rank = (probabilities.cumsum(1) <= uniforms[:, :1] * probabilities.cumsum(1)[:, -1:]).sum(1, keepdim=True)
    assert torch.equal(first[:, :1], ids.gather(1, rank))
    assert math.isfinite(float(probabilities.sum()))
