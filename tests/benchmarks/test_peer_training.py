"""The peer computes what we compute: data, loss, training step, decoding and score."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers

from benchmarks import peer_training
from benchmarks.peer_training import (
    BEAMS,
    SAMPLING,
    best,
    build,
    continuations,
    dev_loss,
    examples,
    merged,
    padded,
    train,
)
from model.config import DecodeConfig, TrainConfig
from model.decoding.generate import generate
from model.hardware import deterministic
from model.pretrained.bases import load_base
from model.tasks.scores import corpus_chrf
from model.training import Training

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing`:FutureWarning"
)  # peft calls transformers so
LORA = {"rank": 4, "scale": 2.0, "dropout": 0.0}
STEP = {"epochs": 1, "batch_size": 8, "lr": 1e-3, "precision": "fp32"}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Silence transformers' remarks on its own defaults."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(logging.ERROR)
    yield
    transformers.logging.set_verbosity(before)


def training(**settings: Any) -> Training:
    built = Training(TrainConfig(batch_size=8, lr=1e-3, **settings), CPU)
    built.objective.start_epoch(1)
    built.model.train()
    return built


def batch(of: Training) -> Any:
    return next(iter(of.task.batches("train", range(8), 8)))


def test_it_reads_the_same_examples() -> None:
    data = examples()
    task: Any = training().task
    assert [ids.tolist() for ids in data.train] == task.ids["train"]
    rows = zip(data.dev["input_ids"], data.dev["labels"], strict=True)
    assert [ids[labels >= 0].tolist() for ids, labels in rows] == task.ids["dev"]
    assert data.given == [sonnet.prompt for sonnet in task.splits["dev"]]
    assert data.whole == [sonnet.text for sonnet in task.splits["dev"]]
    rows = zip(data.prompts["input_ids"], data.prompts["attention_mask"], strict=True)
    assert [ids[mask > 0].tolist() for ids, mask in rows] == [task.tokenizer.encode(prompt) for prompt in data.given]


@pytest.mark.parametrize("point", [{}, LORA], ids=["all weights", "LoRA"])
def test_its_loss_equals_ours(point: dict[str, Any]) -> None:
    mine = training(lora=point or None)
    theirs = build(point).train()(**padded(examples().train[:8])).loss
    assert theirs.item() == pytest.approx(mine.objective(batch(mine)).objective.item(), abs=1e-5)


def test_its_training_step_equals_ours() -> None:
    mine, data = training(), examples()
    with deterministic(CPU):
        mine._step(batch(mine))
    model = build({})
    before = dev_loss(model, data, STEP)
    train(model, replace(data, train=data.train[:8]), STEP)
    after = dev_loss(model, data, STEP)
    assert abs(after - before) > 1e-3
    assert after == pytest.approx(mine.dev_loss(), abs=1e-5)


def test_its_rank_and_scale_mean_what_ours_do() -> None:
    """peft multiplies B A by our scale, and draws A within our bound."""
    model: Any = build(LORA)
    layer = model.base_model.model.transformer.h[0].attn.c_attn
    assert layer.scaling == {"default": 2.0}
    assert layer.lora_A["default"].weight.shape == (4, 96)
    assert layer.lora_A["default"].weight.abs().max().item() == pytest.approx(96**-0.5, rel=0.05)
    assert not layer.lora_B["default"].weight.any()


def test_merging_leaves_the_losses() -> None:
    model: Any = build(LORA)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    data = examples()
    before = dev_loss(model, data, STEP)
    assert dev_loss(merged(model, STEP), data, STEP) == pytest.approx(before, abs=1e-5)


def test_bf16_rounds_little() -> None:
    data, point = examples(), {**STEP, "precision": "bf16"}
    assert dev_loss(build({}), data, point) == pytest.approx(dev_loss(build({}), data, STEP), rel=1e-3)
    assert merged(build({}), point).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"top_k": 1}, {**SAMPLING, "top_k": 1}),
        ({"beams": 1}, {**BEAMS, "num_beams": 1}),
        ({"beams": 3}, {**BEAMS, "num_beams": 3}),
    ],
    ids=["greedy", "one beam", "three beams"],
)
def test_its_texts_equal_ours(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    base, data = load_base("tiny"), examples()
    texts = generate(base.build(), base.tokenizer, data.given[:2], DecodeConfig(**ours, max_new_tokens=32))
    prompts = {name: rows[:2] for name, rows in data.prompts.items()}
    assert len({*prompts["attention_mask"].sum(1).tolist()}) == 2  # one of them is padded
    assert continuations(build({}), prompts, {**theirs, "max_new_tokens": 32}) == texts


def test_it_keeps_the_most_probable_of_several_texts() -> None:
    """Two prompts with two texts of three tokens each; 0 ends a text, what follows it does not count."""
    new = torch.tensor([[1, 1, 1], [2, 2, 2], [2, 0, 0], [1, 2, 2]])
    log_probs = torch.tensor([0.2, 0.3, 0.5]).log()  # of the tokens 0, 1 and 2, at every step but the last
    last = torch.tensor([0.98, 0.01, 0.01]).log()
    logits = [log_probs.expand(4, 3), log_probs.expand(4, 3), last.expand(4, 3)]
    # Mean log-probabilities: -2.34, -2.00 | (log 0.5 + log 0.2) / 2 = -1.15, -2.17
    assert best(new, logits, eos=0, count=2).tolist() == [1, 2]


def test_several_texts_give_one_each() -> None:
    prompts = {name: rows[:2] for name, rows in examples().prompts.items()}
    decoding = {**SAMPLING, "num_return_sequences": 3, "max_new_tokens": 4}
    assert len(continuations(build({}), prompts, decoding)) == 2


def test_its_score_equals_ours() -> None:
    data = examples()
    texts = [sonnet[len(prompt) : -20] for prompt, sonnet in zip(data.given, data.whole, strict=True)]
    whole = [prompt + text for prompt, text in zip(data.given, texts, strict=True)]
    assert peer_training.score(data, texts) == corpus_chrf(whole, data.whole)
