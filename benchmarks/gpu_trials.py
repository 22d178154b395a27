"""How many training steps of LoRA trials one GPU takes per second: `python -m benchmarks.gpu_trials [SHAPE ...]`.

It compares one trial, K trials packed into one process (one base, K adapters, K batches in one), and K processes with
one trial each, with and without CUDA graphs. Weights are random, a batch has 8 sequences of 160 tokens, and matrix
products are in bf16. A line of the table gives optimizer steps per second, summed over the trials, and their ratio to
one trial without CUDA graphs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from model.casting import as_dtype
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.gradients import Gradients
from model.hardware import deterministic
from model.methods.lora import PROJECTIONS, LoRAConv1D, apply_lora
from model.optim.adamw import AdamW
from model.tasks import Batch
from model.training_loss import TrainingLoss

SHAPES = {
    "gpt2": GPT2Config(),
    "gpt2-large": GPT2Config(n_layer=36, n_embd=1280, n_head=20),
}
BATCH, LENGTH, RANK, SCALE, DROPOUT = 8, 160, 8, 2.0, 0.05
COUNTS = (1, 2, 4, 8)  # trials
SECONDS = 3.0  # to measure each configuration for
PATIENCE = 120.0  # seconds before giving up on the processes
GPU = torch.device("cuda")


class PackedLoRA(nn.Module):
    """`LoRAConv1D` for K trials. Their batches are concatenated, and adapter k is applied to the k-th."""

    def __init__(self, one: LoRAConv1D, count: int) -> None:
        super().__init__()
        self.weight, self.bias, self.dtype, self.dropout = (
            one.weight,
            one.bias,
            one.dtype or torch.float32,
            one.lora_dropout,
        )
        width = one.weight.size(1) // PROJECTIONS
        self.A = nn.Parameter(one.lora_A.detach().flatten(0, 1).T.repeat(count, 1, 1))  # (K, C, P * r)
        self.B = nn.Parameter(torch.zeros(count, PROJECTIONS, RANK, width, device=GPU))
        self.scale = torch.full((count, 1, 1), SCALE, device=GPU)  # one for each trial

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.size(-1)).to(self.dtype)
        out = torch.addmm(as_dtype(self.bias, self.dtype), flat, as_dtype(self.weight, self.dtype))
        count, _, rank, width = self.B.shape
        low = self.dropout(flat).to(self.dtype).view(count, -1, flat.size(1)) @ self.A.to(self.dtype)
        wide = self.B.new_zeros(count, PROJECTIONS, rank, PROJECTIONS, width)
        for projection in range(PROJECTIONS):
            wide[:, projection, :, projection] = self.B[:, projection]
        high = (wide.view(count, PROJECTIONS * rank, -1) * self.scale).to(self.dtype)
        return torch.baddbmm(out.view(count, -1, out.size(1)), low, high).view(*x.shape[:-1], -1)


class Trials:
    """`count` trials in this process. Each `step` advances all of them."""

    def __init__(self, shape: str, count: int, cuda_graphs: bool) -> None:
        with GPU:
            model = GPT2(SHAPES[shape])
            model.init_weights(torch.Generator(GPU).manual_seed(0))
        apply_lora(model, rank=RANK, scale=SCALE, dropout=DROPOUT)
        model.compute_in(torch.bfloat16)
        for block in model.blocks() if count > 1 else ():
            assert isinstance(block.attn.c_attn, LoRAConv1D)
            block.attn.c_attn = PackedLoRA(block.attn.c_attn, count)
        named = {name: parameter for name, parameter in model.train().named_parameters() if parameter.requires_grad}
        self.trained = list(named.values())
        self.optimizer = AdamW(self.trained, lr=1e-4)
        objective = TrainingLoss(model, named, None, seed=0)
        objective.start_epoch(1)
        self.gradients = Gradients(objective, self.trained, cuda_graphs=cuda_graphs)
        ids = torch.randint(
            model.config.vocab_size, (count * BATCH, LENGTH + 1), generator=torch.Generator().manual_seed(0)
        )
        self.batch = Batch(ids[:, :-1].contiguous(), ids[:, 1:].contiguous()).to(GPU)

    def step(self) -> None:
        self.gradients(self.batch)
        self.optimizer.step()
        for parameter in self.trained:
            torch.autograd.graph.increment_version(parameter)

    @deterministic(GPU)
    def warm_up(self) -> None:
        for _ in range(4):
            self.step()
        torch.cuda.synchronize()

    @deterministic(GPU)
    def rate(self) -> float:
        """Return the steps per second."""
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            for _ in range(4):
                self.step()
            torch.cuda.synchronize()
            done += 4
        return done / (time.perf_counter() - began)


def packed(shape: str, count: int, cuda_graphs: bool) -> float:
    """Return the steps per second of `count` trials in this process, summed over the trials."""
    trials = Trials(shape, count, cuda_graphs)
    trials.warm_up()
    return count * trials.rate()


def side_by_side(shape: str, count: int, cuda_graphs: bool) -> float:
    """Return the steps per second of `count` processes with one trial each, summed. They take turns on the GPU.

    Raise RuntimeError if one of them fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        order = [sys.executable, "-m", "benchmarks.gpu_trials", "--in", folder, *(["--graphs"] if cuda_graphs else [])]
        workers = [subprocess.Popen([*order, "--number", str(number), shape]) for number in range(count)]
        limit = time.monotonic() + PATIENCE
        try:
            while len(list(Path(folder).glob("*.ready"))) < count:
                if time.monotonic() > limit or any(worker.poll() for worker in workers):
                    raise RuntimeError(f"one of {count} processes failed to start")
                time.sleep(0.05)
            Path(folder, "go").touch()
            if any(worker.wait(PATIENCE) for worker in workers):
                raise RuntimeError(f"one of {count} processes failed")
        finally:
            for worker in workers:
                worker.kill()
        return sum(float(Path(folder, f"{number}.rate").read_text()) for number in range(count))


def work(shape: str, cuda_graphs: bool, folder: Path, number: int) -> None:
    """Be one of the processes: wait for the others, then measure."""
    trials = Trials(shape, 1, cuda_graphs)
    trials.warm_up()
    (folder / f"{number}.ready").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    (folder / f"{number}.rate").write_text(str(trials.rate()))


def lines(shapes: Sequence[str]) -> Iterator[str]:
    """Yield the table."""
    yield f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {os.cpu_count()} CPU cores"
    yield "| shape | trials | CUDA graphs | packed: steps/s | x | processes: steps/s | x |"
    yield "|---|---|---|---|---|---|---|"
    for shape in shapes:
        alone = None
        for graphs in (False, True):
            for count in COUNTS:
                one = packed(shape, count, graphs)
                torch.cuda.empty_cache()
                alone = alone or one
                other = side_by_side(shape, count, graphs) if count > 1 else one
                ratios = [f"{rate:.1f} | {rate / alone:.2f}" for rate in (one, other)]
                yield f"| {shape} | {count} | {'yes' if graphs else 'no'} | {' | '.join(ratios)} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_trials", description=__doc__)
    parser.add_argument("shapes", nargs="*", default=list(SHAPES), help=f"any of {', '.join(SHAPES)} (default: all)")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--graphs", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if given.folder:
        work(given.shapes[0], given.graphs, given.folder, given.number)
        return
    if unknown := set(given.shapes) - set(SHAPES):
        parser.error(f"no shape {min(unknown)}; the shapes are {', '.join(SHAPES)}")
    if not torch.cuda.is_available():
        parser.error("this machine has no GPU that torch can use")
    for line in lines(given.shapes):
        print(line, flush=True)


if __name__ == "__main__":
    main()
