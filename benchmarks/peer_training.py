"""One point of a sonnet study, computed without this project: transformers, peft, `generate` and sacrebleu.

The peer is written to be fast. It loads the base once per process, tokenizes once, trains on padding without an
attention mask (causal attention never looks to the right), computes the dev loss once, merges the adapters before it
generates, and generates all texts as one batch. Only the texts and their splits come from this project.
"""

import copy
import functools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

import peft
import sacrebleu
import torch
import transformers
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from model.tasks.data.sonnets import find
from model.tasks.data.sources import ASSETS

BASE = ASSETS / "tiny"
IGNORE = -100  # the label of a position without a target
SAMPLING = {"do_sample": True, "temperature": 1.2, "top_k": 0, "top_p": 1.0, "max_new_tokens": 128}
BEAMS = {"do_sample": False, "length_penalty": 0.0, "max_new_tokens": 128}


@dataclass(frozen=True)
class Examples:
    """The tokenized sonnets. `dev` and `prompts` are batches."""

    train: Sequence[Tensor]  # token ids of each sonnet, end of text included
    dev: Mapping[str, Tensor]  # input_ids and labels
    prompts: Mapping[str, Tensor]  # input_ids and attention_mask, padded on the left
    given: Sequence[str]  # texts of the prompts
    whole: Sequence[str]  # texts of the whole sonnets


@functools.cache
def tokenizer() -> Any:
    loaded = transformers.AutoTokenizer.from_pretrained(BASE, padding_side="left")
    loaded.pad_token = loaded.eos_token
    return loaded


@functools.cache
def base() -> transformers.GPT2LMHeadModel:
    return transformers.GPT2LMHeadModel.from_pretrained(BASE)


def examples() -> Examples:
    splits, tokens = find(None).splits(), tokenizer()
    ids = {
        name: [torch.tensor(tokens(sonnet.text + tokens.eos_token)["input_ids"]) for sonnet in splits[name]]
        for name in ("train", "dev")
    }
    given = [sonnet.prompt for sonnet in splits["dev"]]
    prompts = dict(tokens(given, padding=True, return_tensors="pt"))
    return Examples(ids["train"], padded(ids["dev"]), prompts, given, [sonnet.text for sonnet in splits["dev"]])


def padded(rows: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return a batch of `rows`, padded on the right. Padding has no labels."""
    labels = pad_sequence(list(rows), batch_first=True, padding_value=IGNORE)
    return {"input_ids": labels.clamp(min=0), "labels": labels}


def build(point: Mapping[str, Any]) -> torch.nn.Module:
    """Return a fresh model for `point`: with LoRA adapters if it has a rank, else with all weights trained."""
    model = copy.deepcopy(base())
    if "rank" not in point:
        return model
    adapter = peft.LoraConfig(
        r=point["rank"],
        lora_alpha=point["scale"] * point["rank"],
        lora_dropout=point["dropout"],
        target_modules=["c_attn"],
        fan_in_fan_out=True,  # GPT-2 stores its projections as (in, out)
    )
    return cast(torch.nn.Module, peft.get_peft_model(model, adapter))


def precision(point: Mapping[str, Any]) -> AbstractContextManager[Any]:
    return torch.autocast("cpu", torch.bfloat16, enabled=point["precision"] == "bf16")


def train(model: torch.nn.Module, data: Examples, point: Mapping[str, Any]) -> None:
    """Train for `epochs` epochs in random order, with a constant learning rate."""
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=point["lr"], weight_decay=0.0, fused=True)
    for _ in range(point["epochs"]):
        order = torch.randperm(len(data.train)).tolist()
        for start in range(0, len(order), point["batch_size"]):
            rows = [data.train[row] for row in order[start : start + point["batch_size"]]]
            with precision(point):
                loss = model(**padded(rows)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def dev_loss(model: torch.nn.Module, data: Examples, point: Mapping[str, Any]) -> float:
    """Return the mean cross-entropy per token of the dev split, in nats."""
    model.eval()
    with precision(point):
        return float(model(**data.dev).loss)


def merged(model: torch.nn.Module, point: Mapping[str, Any]) -> Any:
    """Return the model to generate with: its adapters merged, its weights in the point's precision."""
    plain: Any = model.merge_and_unload() if isinstance(model, peft.PeftModel) else model
    return plain.bfloat16() if point["precision"] == "bf16" else plain


def continuations(model: Any, prompts: Mapping[str, Tensor], decoding: Mapping[str, Any]) -> list[str]:
    """Return one continuation of each prompt: of several, the one with the highest mean log-probability per token."""
    count, eos = decoding.get("num_return_sequences", 1), tokenizer().eos_token_id
    model.eval()
    found = model.generate(
        **prompts, **decoding, pad_token_id=eos, return_dict_in_generate=True, output_logits=count > 1
    )
    new = found.sequences[:, prompts["input_ids"].size(1) :]  # (P * count, T)
    if count > 1:
        new = new[best(new, found.logits, eos, count)]
    return cast(list[str], tokenizer().batch_decode(new, skip_special_tokens=True))


def best(new: Tensor, logits: Sequence[Tensor], eos: int, count: int) -> Tensor:
    """Return each prompt's row of highest mean log-probability, (P * count, T), T x (P * count, V) -> (P,)."""
    steps = zip(logits, new.T, strict=True)
    own = torch.stack([step.log_softmax(1).gather(1, token[:, None])[:, 0] for step, token in steps], dim=1)
    ends = (new == eos).int()
    written = ends.cumsum(1) - ends == 0  # up to the first end of text
    mean = (own * written).sum(1) / written.sum(1)
    choice = mean.view(-1, count).argmax(1)
    return choice + count * torch.arange(len(choice))


def score(data: Examples, texts: Sequence[str]) -> float:
    """Return the chrF of the whole sonnets, prompts included."""
    whole = [prompt + text for prompt, text in zip(data.given, texts, strict=True)]
    return float(sacrebleu.corpus_chrf(whole, [list(data.whole)]).score)


def compute(point: Mapping[str, Any], data: Examples) -> dict[str, float]:
    """Train and score one point on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(point.get("seed", 0))
    model = build(point)
    train(model, data, point)
    loss = dev_loss(model, data, point)
    texts = continuations(merged(model, point), data.prompts, point["decoding"])
    return {"dev_loss": loss, "chrf": score(data, texts)}
