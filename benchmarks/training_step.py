"""One optimizer step, ours against transformers (all weights) and transformers + peft (LoRA).

Both use the same shapes, batch (8 sequences of 160 tokens), dropout (0.1), precision (fp32), threads and machine. Below
1, ours is faster. Ours uses our trainer's loss, `linear_cross_entropy`, and our AdamW. Theirs is what a user would
write: a forward pass with labels, backward, and torch.optim.AdamW. `precision.py` times bf16: on gpt2 both, theirs in
`torch.autocast`; on tiny only ours, on another batch.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import peft
import torch
import transformers
from torch import Tensor

from benchmarks.measurement import PAIRS, Measurement, Pairs, compare, ratio, versus
from benchmarks.results import show
from model.dropout import set_dropout_stream
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.hardware import default_device, deterministic
from model.loss import linear_cross_entropy
from model.methods.lora import apply_lora
from model.optim.adamw import AdamW
from model.rng import generator

Step = Callable[[], None]

SHAPES = {
    "tiny": GPT2Config(vocab_size=3072, n_positions=256, n_embd=96, n_layer=2, n_head=3, eos_token_id=3071),
    "gpt2": GPT2Config(),
}
ROWS = {"gpt2": 3, "tiny": 4}  # of the table of targets
TARGETS = {"gpt2": {False: 0.85, True: 0.90}, "tiny": {False: 0.65, True: 0.65}}  # by shape and LoRA
PEERS = {False: "transformers", True: "transformers + peft"}
BATCH, LENGTH = 8, 160  # sequences, tokens
DEVICE = default_device()
RANK = 8


def ours(config: GPT2Config, ids: Tensor, lora: bool, dtype: torch.dtype | None = None) -> Step:
    model = GPT2(config)
    model.init_weights(generator(0, "init"))
    if lora:
        apply_lora(model, rank=RANK, dropout=0.1)
    model.compute_in(dtype)
    set_dropout_stream(model.to(DEVICE), generator(0, "dropout", device=DEVICE))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = AdamW(trained, lr=1e-3)
    targets = ids[:, 1:].flatten()

    @deterministic(DEVICE)
    def step() -> None:
        hidden = model.hidden(ids[:, :-1]).flatten(0, 1)
        loss = linear_cross_entropy(hidden, model.transformer.wte.weight, targets, dtype=dtype) / len(targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def theirs(config: GPT2Config, ids: Tensor, lora: bool, dtype: torch.dtype | None = None) -> Step:
    fields = {"activation_function": "gelu_new", "bos_token_id": config.eos_token_id, **asdict(config)}
    model: Any = transformers.GPT2LMHeadModel(transformers.GPT2Config(**fields))
    model.to(DEVICE)
    if lora:
        # fan_in_fan_out: GPT-2 stores its projections as (in, out).
        adapter = peft.LoraConfig(r=RANK, lora_dropout=0.1, target_modules=["c_attn"], fan_in_fan_out=True)
        model = peft.get_peft_model(model, adapter)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)

    def step() -> None:
        with torch.autocast(DEVICE.type, dtype, enabled=dtype is not None):
            loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def random_ids(config: GPT2Config, sequences: int = BATCH, tokens: int = LENGTH) -> Tensor:
    """Return a batch of token ids, (sequences, tokens)."""
    return torch.randint(config.vocab_size, (sequences, tokens), generator=generator(0, "data")).to(DEVICE)


def work(shape: str, lora: bool, sides: str) -> str:
    """Return the text for the `work` column."""
    return f"training step, {shape}, {'LoRA' if lora else 'all weights'}: {sides}"


def line(shape: str, lora: bool, pairs: Pairs) -> Measurement:
    """Return the line that compares us with the peer in fp32, from pairs of seconds (ours, theirs)."""
    name = work(shape, lora, f"fp32 against {PEERS[lora]}")
    return ratio(ROWS[shape], name, pairs, TARGETS[shape][lora], note=versus(pairs))


def tiny() -> Iterator[Measurement]:
    """Yield ours against the peer on tiny, with all weights trained and with LoRA. For gpt2, see `precision.gpt2`."""
    config = SHAPES["tiny"]
    ids = random_ids(config)
    for lora in (False, True):
        yield line("tiny", lora, compare(ours(config, ids, lora), theirs(config, ids, lora), PAIRS["tiny"]))


if __name__ == "__main__":
    show(tiny())
