"""Reference models: the same weights in Hugging Face's GPT-2."""

import torch
from torch import Tensor
from transformers import GPT2Config as TheirConfig
from transformers import GPT2LMHeadModel

from model.gpt2 import GPT2


def hugging_face(model: GPT2) -> GPT2LMHeadModel:
    """transformers' model of `model`'s shape, holding copies of its weights."""
    fields = {"activation_function": "gelu_new", "bos_token_id": model.config.eos_token_id, **vars(model.config)}
    theirs = GPT2LMHeadModel(TheirConfig(**fields))
    loaded = theirs.load_state_dict(model.state_dict(), strict=False)
    assert loaded.missing_keys == ["lm_head.weight"]  # tied to the token embedding
    assert not loaded.unexpected_keys
    theirs.tie_weights()
    theirs.train(model.training)
    return theirs


def their_logits(model: GPT2LMHeadModel, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """(B, T) -> (B, T, V), with positions that count real tokens only."""
    positions = None if mask is None else (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        out: Tensor = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    return out
