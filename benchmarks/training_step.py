"""One optimizer step, ours against transformers (all weights) and transformers + peft (LoRA).

Both use the same shapes, batch (8 sequences of 160 tokens), dropout (0.1), precision (fp32), threads and machine. Runs
alternate, so that drifts of the machine's speed affect both alike, and we report the median of the paired ratios; below
1, ours is faster. Each side does what its users would write: ours the summed loss of `model.training`, theirs a forward
pass with labels, backward, and torch.optim.AdamW.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict

import peft
import torch
import transformers
from torch import Tensor

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
PAIRS = {"tiny": 30, "gpt2": 5}
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


def theirs(config: GPT2Config, ids: Tensor, lora: bool) -> Step:
    fields = {"activation_function": "gelu_new", "bos_token_id": config.eos_token_id, **asdict(config)}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**fields)).to(DEVICE)
    if lora:
        # fan_in_fan_out: GPT-2 stores its projections as (in, out).
        adapter = peft.LoraConfig(r=RANK, lora_dropout=0.1, target_modules=["c_attn"], fan_in_fan_out=True)
        model = peft.get_peft_model(model, adapter)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)

    def step() -> None:
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def wait() -> None:
    """Wait for the GPU, if there is one: its steps run behind the program."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def seconds(step: Step) -> float:
    began = time.perf_counter()
    step()
    wait()
    return time.perf_counter() - began


def compare(shape: str, lora: bool) -> tuple[float, float, float]:
    """Return the median seconds of ours and theirs, and the median of the paired ratios."""
    config = SHAPES[shape]
    ids = torch.randint(config.vocab_size, (BATCH, LENGTH), generator=generator(0, "data")).to(DEVICE)
    one, other = ours(config, ids, lora), theirs(config, ids, lora)
    one()
    other()
    pairs = [(seconds(one), seconds(other)) for _ in range(PAIRS[shape])]
    mine, peers = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(peers), statistics.median(a / b for a, b in pairs)


def main() -> None:
    print(f"one training step, batch {BATCH} x {LENGTH}, fp32, {torch.get_num_threads()} threads, {DEVICE}")
    print(f"{'shape':6} {'trained':8} {'ours s':>8} {'theirs s':>9} {'ratio':>6}")
    for shape in SHAPES:
        for lora in (False, True):
            mine, peers, ratio = compare(shape, lora)
            print(f"{shape:6} {'LoRA' if lora else 'all':8} {mine:8.3f} {peers:9.3f} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()
