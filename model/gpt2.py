"""GPT-2: a decoder-only transformer with pre-layer-norm blocks, tanh-GELU and a tied output head.

Sources: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", and OpenAI's released
`gpt-2/src/model.py` (commit 9b63575). Parameter names and layouts match Hugging Face's `GPT2LMHeadModel`, so a
checkpoint loads without conversion.

Shapes: B sequences, T tokens in this call, S tokens attended to (cache + this call), C width, H heads, D = C / H,
V vocabulary, L layers.
"""

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.casting import as_dtype
from model.dropout import Dropout, has_process_wide, process_wide
from model.gpt2_config import GPT2Config
from model.products import linear, uses_onednn

LARGE_HEAD = 2**24  # weights from which an output head exceeds most processor caches
SHORT = 256  # tokens; beyond, the fused kernel is as fast as products in bf16, and keeps no (T, S) weights


class Conv1D(nn.Module):
    """y = x W + b, (..., n_in) -> (..., n_out), with W stored as (n_in, n_out), as in GPT-2 checkpoints."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_out))
        self.dtype: torch.dtype | None = None  # of the product and of y; None = that of x

    def forward(self, x: Tensor) -> Tensor:
        dtype = self.dtype or x.dtype
        flat = x.reshape(-1, x.size(-1)).to(dtype)
        out = linear(flat, as_dtype(self.weight, dtype).T, as_dtype(self.bias, dtype))
        return out.view(*x.shape[:-1], -1)


class KVCache:
    """Keys and values of the tokens processed so far, in buffers preallocated for `length` tokens."""

    def __init__(
        self, config: GPT2Config, batch: int, length: int, like: Tensor, dtype: torch.dtype | None = None
    ) -> None:
        """Put the buffers on the device of `like`, in `dtype` (None = its type)."""
        shape = (config.n_layer, batch, config.n_head, length, config.n_embd // config.n_head)
        self.keys = like.new_zeros(shape, dtype=dtype)  # (L, B, H, S, D)
        self.values = like.new_zeros(shape, dtype=dtype)  # (L, B, H, S, D)
        self.length = 0  # tokens filled

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values (B, H, T, D) to a layer; return all its keys and values so far, (B, H, S, D)."""
        end = self.length + k.size(2)
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, tokens: int) -> None:
        """Advance the position by `tokens`. Call it after every layer has appended that many."""
        self.length += tokens

    def repeat(self, times: int) -> None:
        """Repeat every sequence `times` times; copies of a sequence are adjacent."""
        if times > 1:
            self.keys = self.keys.repeat_interleave(times, dim=1)
            self.values = self.values.repeat_interleave(times, dim=1)

    def reorder(self, sources: Tensor, since: int) -> None:
        """Replace sequence b by sequence `sources[b]`, (B,). The two must be equal before token `since`."""
        filled = slice(since, self.length)
        moved: Tensor | slice = slice(None)
        if sources.device.type == "cpu":  # on a GPU, moving all sequences is faster than waiting for their number
            moved = (sources != torch.arange(len(sources))).nonzero()[:, 0]
        for buffer in (self.keys, self.values):
            buffer[:, moved, :, filled] = buffer[:, sources[moved], :, filled]


class Attention(nn.Module):
    """Masked multi-head self-attention, (B, T, C) -> (B, T, C)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn: nn.Module = Conv1D(config.n_embd, 3 * config.n_embd)  # LoRA replaces this layer
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
        return cast(Tensor, self.resid_dropout(self.c_proj(y)))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Return softmax(q k^T / sqrt(D)) v. `mask` (B or 1, 1, T, S) is True for allowed keys; None = causal."""
        if not self.attn_dropout.active and not _is_slow_when_fused(q):
            causal = mask is None and q.size(2) > 1
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        stream = self.attn_dropout.stream if self.attn_dropout.active else None
        if mask is None and stream is not None and has_process_wide(stream.device):
            with process_wide(stream):  # which the fused kernel samples its dropout mask from
                return F.scaled_dot_product_attention(q, k, v, dropout_p=self.attn_dropout.p, is_causal=True)
        scores = (q * q.size(-1) ** -0.5) @ k.transpose(2, 3)  # (B, H, T, S)
        if mask is None:
            mask = _causal(q.size(2), k.size(2), q.device)
        bias = scores.new_zeros(mask.shape).masked_fill_(~mask, -math.inf)  # without a pass of its own backward
        scores += bias
        weights: Tensor = self.attn_dropout(scores.softmax(-1))  # summed in fp32, even if scores are in bf16
        return weights.to(v.dtype) @ v


class MLP(nn.Module):
    """Feed-forward layer: two projections with a tanh-GELU between them, (B, T, C) -> (B, T, C)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, config.mlp_width)
        self.c_proj = Conv1D(config.mlp_width, config.n_embd)
        self.dropout = Dropout(config.resid_pdrop)

    def forward(self, x: Tensor) -> Tensor:
        # The ExpLoRA paper says ReLU, but the released weights were trained with this GELU.
        return cast(Tensor, self.dropout(self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))))


class Block(nn.Module):
    """Pre-layer-norm attention and MLP, each with a residual connection."""

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
    """The parameters of everything below the output head. The forward pass is `GPT2.hidden`."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        # Without initial values: drawing them on the meta device imports torch's compiler, which takes a second.
        tokens, positions = (torch.empty(rows, config.n_embd) for rows in (config.vocab_size, config.n_positions))
        self.wte = nn.Embedding.from_pretrained(tokens, freeze=False)  # type: ignore[no-untyped-call]
        self.wpe = nn.Embedding.from_pretrained(positions, freeze=False)  # type: ignore[no-untyped-call]
        self.drop = Dropout(config.embd_pdrop)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)


class GPT2(nn.Module):
    """A GPT-2 whose output head is tied to the token embedding, or is a classifier instead."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.transformer = Transformer(config)
        self.classifier: nn.Linear | None = None
        self.dtype: torch.dtype | None = None  # see `compute_in`

    @classmethod
    def from_state_dict(cls, config: GPT2Config, state: Mapping[str, Tensor]) -> "GPT2":
        """Return a model that uses the tensors of `state` without copying. Raise RuntimeError if one does not fit."""
        with torch.device("meta"):
            model = cls(config)
        model.load_state_dict(state, assign=True)
        return model

    def init_weights(self, stream: torch.Generator) -> None:
        """Initialize as GPT-2: N(0, 0.02), residual projections scaled by 1/sqrt(2 L), biases 0, layer norms 1."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "ln_" in name:
                nn.init.ones_(parameter)
            else:
                residual = name.endswith("c_proj.weight")
                std = 0.02 / math.sqrt(2 * self.config.n_layer) if residual else 0.02
                nn.init.normal_(parameter, std=std, generator=stream)

    def compute_in(self, dtype: torch.dtype | None) -> None:
        """Compute the matrix products, the activations between them and the KV cache in `dtype` (None = the weights').

        Parameters, embeddings, residual stream, layer norms, sums of softmax, and the logits of `head` do not change
        their type. Call this after layers have been replaced.
        """
        self.dtype = dtype
        for block in self.blocks():
            for layer in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj):
                layer.dtype = dtype  # type: ignore[assignment]

    def blocks(self) -> list[Block]:
        """Return the blocks, the one nearest to the embedding first."""
        return cast(list[Block], list(self.transformer.h))

    def embed(self, input_ids: Tensor) -> Tensor:
        """Return token embeddings without positions, as `inputs_embeds` expects, (B, T) -> (B, T, C)."""
        return cast(Tensor, self.transformer.wte(input_ids))

    def hidden(
        self,
        input_ids: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """Return the hidden states after the last layer norm, (B, T, C).

        Pass either token ids (B, T) or their embeddings (B, T, C). `attention_mask` (B, S) is 1 for real tokens and 0
        for padding; it may be None if there is no left padding. Positions count real tokens only. With a `cache`, the
        T tokens follow the cached ones, and the cache is extended in place.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("pass either input_ids or inputs_embeds, not both")
        x = self.embed(input_ids) if inputs_embeds is None else inputs_embeds  # type: ignore[arg-type]
        T, seen = x.size(1), cache.length if cache else 0
        real = seen + T
        if real > self.config.n_positions and attention_mask is not None:
            real = int(attention_mask[:, :real].sum(1).max())
        if real > self.config.n_positions:
            raise ValueError(f"{real} tokens exceed the model's {self.config.n_positions} positions")
        x = self.transformer.drop(x + self.transformer.wpe(_positions(attention_mask, seen, T, x.device)))
        mask = _mask(attention_mask, seen, T, x.device)
        for layer, block in enumerate(self.blocks()):
            x = block(x, mask, cache, layer)
        if cache is not None:
            cache.advance(T)
        return cast(Tensor, self.transformer.ln_f(x))

    def add_classifier(self, classes: int, stream: torch.Generator) -> None:
        """Replace the tied output head by a trainable linear classifier, initialized from N(0, 0.02). It has no bias,
        because the bias of the last layer norm serves as one."""
        weight = torch.empty(classes, self.config.n_embd).normal_(std=0.02, generator=stream)
        self.classifier = nn.Linear(self.config.n_embd, classes, bias=False, device="meta")
        self.classifier.weight = nn.Parameter(weight.to(self.transformer.wte.weight.device))

    @property
    def head_weight(self) -> Tensor:
        """The weight of the output head, (V, C). V is the number of tokens, or of classes with a classifier."""
        return (self.transformer.wte if self.classifier is None else self.classifier).weight

    def head(self, hidden: Tensor) -> Tensor:
        """Return the logits of the next token, or of the classes with a classifier, (..., C) -> (..., V)."""
        weight = self.head_weight
        is_large = weight.numel() >= LARGE_HEAD and hidden.dim() == 2 and weight.device.type == "cpu"
        if is_large and not uses_onednn(hidden, weight):
            return (weight @ hidden.T).T.contiguous()  # with few positions, half the time of F.linear by MKL
        return linear(hidden, weight)

    def forward(
        self,
        input_ids: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """Return the logits at every position, (B, T, V). The arguments are those of `hidden`."""
        return self.head(
            self.hidden(input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask, cache=cache)
        )


def _positions(attention_mask: Tensor | None, seen: int, T: int, device: torch.device) -> Tensor:
    """Return the position of each of the T tokens, (T,) or (B, T). Left padding gets 0 and is never attended to."""
    if attention_mask is None:
        return torch.arange(seen, seen + T, device=device)
    return (attention_mask.cumsum(1) - 1).clamp(min=0)[:, seen : seen + T]


def _is_slow_when_fused(q: Tensor) -> bool:
    """Return whether plain products train faster than a CPU's fused kernel, whose backward pass is slow in bf16."""
    return q.dtype == torch.bfloat16 and q.requires_grad and q.device.type == "cpu" and q.size(2) <= SHORT


def _causal(T: int, S: int, device: torch.device) -> Tensor:
    """Return the causal mask, (T, S): True if query t of the last T tokens may attend to key s."""
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def _mask(attention_mask: Tensor | None, seen: int, T: int, device: torch.device) -> Tensor | None:
    """Return the attention mask, (B or 1, 1, T, S), or None if causal attention or a single query needs no mask."""
    if attention_mask is None:
        return None if seen == 0 or T == 1 else _causal(T, seen + T, device)[None, None]
    real = attention_mask[:, None, None, : seen + T].bool()  # (B, 1, 1, S)
    if T == 1:
        return real
    # A padding query has no key to attend to, so its softmax would be NaN. Let it attend to itself.
    own = torch.eye(seen + T, dtype=torch.bool, device=device)[seen:]  # (T, S)
    return (real & _causal(T, seen + T, device)) | own
