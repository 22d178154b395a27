"""GPT-2: a decoder-only transformer with pre-layer-norm blocks, tanh-GELU and a tied output head.

Sources: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", and OpenAI's released
`gpt-2/src/model.py` (commit 9b63575). Parameter names and layouts are those of Hugging Face's
`GPT2LMHeadModel`, so that loading a checkpoint is a plain copy.

Shapes in this file: B sequences, T tokens of this call, S tokens attended to (cache + call), C width, H heads,
D = C / H, V vocabulary, L layers.
"""

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.dropout import Dropout
from model.gpt2_config import GPT2Config


class Conv1D(nn.Module):
    """y = x W + b, (..., n_in) -> (..., n_out), with W stored as (n_in, n_out) the way GPT-2's checkpoints do."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_out))

    def forward(self, x: Tensor) -> Tensor:
        flat = torch.addmm(self.bias, x.reshape(-1, x.size(-1)), self.weight)
        return flat.view(*x.shape[:-1], -1)


class KVCache:
    """Keys and values of the tokens seen so far, in buffers allocated once for `length` tokens."""

    def __init__(self, config: GPT2Config, batch: int, length: int, like: Tensor) -> None:
        shape = (config.n_layer, batch, config.n_head, length, config.n_embd // config.n_head)
        self.keys = like.new_zeros(shape)  # (L, B, H, S, D)
        self.values = like.new_zeros(shape)  # (L, B, H, S, D)
        self.length = 0  # tokens filled

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store (B, H, T, D) behind what layer `layer` holds; return its keys and values so far, (B, H, S, D)."""
        end = self.length + k.size(2)
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, tokens: int) -> None:
        """Say that every layer has stored `tokens` more tokens."""
        self.length += tokens

    def repeat(self, times: int) -> None:
        """Let every sequence be followed by `times` - 1 copies of itself."""
        if times > 1:
            self.keys = self.keys.repeat_interleave(times, dim=1)
            self.values = self.values.repeat_interleave(times, dim=1)

    def reorder(self, sources: Tensor, since: int) -> None:
        """Let sequence b go on from sequence `sources[b]`, (B,). Before token `since` the two must be alike."""
        filled = slice(since, self.length)
        moved = (sources != torch.arange(len(sources), device=sources.device)).nonzero()[:, 0]
        for buffer in (self.keys, self.values):
            buffer[:, moved, :, filled] = buffer[:, sources[moved], :, filled]


class Attention(nn.Module):
    """Masked multi-head self-attention, (B, T, C) -> (B, T, C)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn: nn.Module = Conv1D(config.n_embd, 3 * config.n_embd)  # LoRA puts its own here
        self.c_proj = Conv1D(config.n_embd, config.n_embd)
        self.attn_dropout = Dropout(config.attn_pdrop)
        self.resid_dropout = Dropout(config.resid_pdrop)

    def forward(self, x: Tensor, mask: Tensor | None, cache: KVCache | None, layer: int) -> Tensor:
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)  # (B, H, T, D)
            for part in self.c_attn(x).split(C, dim=2)
        )
        if cache is not None:
            k, v = cache.append(layer, k, v)  # (B, H, S, D)
        y = self.attend(q, k, v, mask).transpose(1, 2).reshape(B, T, C)
        out: Tensor = self.resid_dropout(self.c_proj(y))
        return out

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """softmax(q k^T / sqrt(D)) v. `mask` (B or 1, 1, T, S) is True where attention is allowed; None = causal."""
        if not self.attn_dropout.active:
            causal = mask is None and q.size(2) > 1
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        # The fused kernel would draw its dropout mask from the process-wide generator.
        scores = (q * q.size(-1) ** -0.5) @ k.transpose(2, 3)  # (B, H, T, S)
        if mask is None:
            mask = _causal(q.size(2), k.size(2), q.device)
        weights: Tensor = self.attn_dropout(scores.masked_fill(~mask, -math.inf).softmax(-1))
        return weights @ v


class MLP(nn.Module):
    """Two projections around tanh-GELU, (B, T, C) -> (B, T, C)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, config.mlp_width)
        self.c_proj = Conv1D(config.mlp_width, config.n_embd)
        self.dropout = Dropout(config.resid_pdrop)

    def forward(self, x: Tensor) -> Tensor:
        # The paper behind this project says ReLU; the released weights were trained with this GELU.
        out: Tensor = self.dropout(self.c_proj(F.gelu(self.c_fc(x), approximate="tanh")))
        return out


class Block(nn.Module):
    """Attention and MLP, each behind its layer norm and beside a residual path."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, mask: Tensor | None, cache: KVCache | None, layer: int) -> Tensor:
        x = x + self.attn(self.ln_1(x), mask, cache, layer)
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class Transformer(nn.Module):
    """Everything below the output head. Holds parameters only; `GPT2.hidden` runs it."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = Dropout(config.embd_pdrop)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)


class GPT2(nn.Module):
    """A GPT-2 language model whose output head is the token embedding itself, or a classifier in its place."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.transformer = Transformer(config)
        self.classifier: nn.Linear | None = None

    @classmethod
    def from_state_dict(cls, config: GPT2Config, state: Mapping[str, Tensor]) -> "GPT2":
        """A model over `state`'s own tensors, without a copy. Raises RuntimeError on a missing or misshapen one."""
        with torch.device("meta"):
            model = cls(config)
        model.load_state_dict(state, assign=True)
        return model

    def init_weights(self, stream: torch.Generator) -> None:
        """GPT-2's initialisation: N(0, 0.02), residual projections divided by sqrt(2 L), biases zero."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "ln_" in name:
                nn.init.ones_(parameter)
            else:
                residual = name.endswith("c_proj.weight")
                std = 0.02 / math.sqrt(2 * self.config.n_layer) if residual else 0.02
                nn.init.normal_(parameter, std=std, generator=stream)

    def blocks(self) -> list[Block]:
        """The blocks, from the embedding upwards."""
        return cast(list[Block], list(self.transformer.h))

    def embed(self, input_ids: Tensor) -> Tensor:
        """Token embeddings without positions, (B, T) -> (B, T, C): what `inputs_embeds` takes."""
        out: Tensor = self.transformer.wte(input_ids)
        return out

    def hidden(
        self,
        input_ids: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """Final hidden states behind the last layer norm, (B, T, C).

        Give token ids (B, T) or their embeddings (B, T, C). `attention_mask` (B, S) is 1 for real tokens and 0 for
        padding on either side, None when there is no padding on the left; positions count real tokens only. With a
        `cache`, the T tokens follow those it holds, and it is filled in place.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        x = self.embed(input_ids) if inputs_embeds is None else inputs_embeds  # type: ignore[arg-type]
        T, seen = x.size(1), cache.length if cache else 0
        if seen + T > self.config.n_positions:
            raise ValueError(f"{seen + T} tokens exceed the model's {self.config.n_positions} positions")
        x = self.transformer.drop(x + self.transformer.wpe(_positions(attention_mask, seen, T, x.device)))
        mask = _mask(attention_mask, seen, T, x.device)
        for layer, block in enumerate(self.blocks()):
            x = block(x, mask, cache, layer)
        if cache is not None:
            cache.advance(T)
        out: Tensor = self.transformer.ln_f(x)
        return out

    def add_classifier(self, classes: int, stream: torch.Generator) -> None:
        """Put a trained linear head over `classes` in place of the token embedding, initialised as N(0, 0.02).

        It has no bias: the one of the last layer norm reaches it through its weight.
        """
        weight = torch.empty(classes, self.config.n_embd).normal_(std=0.02, generator=stream)
        self.classifier = nn.Linear(self.config.n_embd, classes, bias=False, device="meta")
        self.classifier.weight = nn.Parameter(weight.to(self.transformer.wte.weight.device))

    @property
    def head_weight(self) -> Tensor:
        """The output head, (V, C); V counts tokens, or the classes of a classifier."""
        return (self.transformer.wte if self.classifier is None else self.classifier).weight

    def head(self, hidden: Tensor) -> Tensor:
        """Logits of the next token or of the class, (..., C) -> (..., V)."""
        return F.linear(hidden, self.head_weight)

    def forward(
        self,
        input_ids: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """Next-token logits at every position, (B, T, V). Arguments as in `hidden`."""
        return self.head(
            self.hidden(input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask, cache=cache)
        )


def _positions(attention_mask: Tensor | None, seen: int, T: int, device: torch.device) -> Tensor:
    """Position of each of the T tokens, (T,) or (B, T); padding gets 0, it is never looked at."""
    if attention_mask is None:
        return torch.arange(seen, seen + T, device=device)
    return (attention_mask.cumsum(1) - 1).clamp(min=0)[:, seen : seen + T]


def _causal(T: int, S: int, device: torch.device) -> Tensor:
    """True where query t of the last T tokens may look at key s, (T, S)."""
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def _mask(attention_mask: Tensor | None, seen: int, T: int, device: torch.device) -> Tensor | None:
    """The attention mask (B or 1, 1, T, S), or None where plain causal attention (or one query) needs none."""
    if attention_mask is None:
        return None if seen == 0 or T == 1 else _causal(T, seen + T, device)[None, None]
    real = attention_mask[:, None, None, : seen + T].bool()  # (B, 1, 1, S)
    if T == 1:
        return real
    # A padding query would have nothing to look at and its softmax would be NaN: let it see itself.
    own = torch.eye(seen + T, dtype=torch.bool, device=device)[seen:]  # (T, S)
    return (real & _causal(T, seen + T, device)) | own
