"""One SOAP step, ours against a plain transcription of the released code, on the shapes of gpt2-small.

The model has four of gpt2-small's twelve blocks and both embeddings: every shape, in a third of the time. Runs
alternate on the same gradients, and we report the median of the paired ratios; below 1, ours is faster.

In training, nine of ten steps only rotate, update and average; every tenth step also refreshes the eigenbases, with the
same QR decompositions on both sides. Here every second step does, so that both kinds are measured equally often; the
last line weights their medians as in training. The eigendecompositions of the first call take minutes on a CPU and are
equal on both sides, so they are skipped: both start with the identity as basis.
"""

import statistics
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.plain_soap import PlainSOAP
from benchmarks.training_step import seconds
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.optim.soap import SOAP
from model.rng import generator

SHAPE = GPT2Config(n_layer=4)
FREQUENCY = 10  # steps from one refresh to the next in training
PAIRS = 5  # measurements of each kind of step


def parameters() -> list[Tensor]:
    model = GPT2(SHAPE)
    model.init_weights(generator(0, "init"))
    return list(model.parameters())


def no_decomposition(matrix: Tensor) -> Any:
    """Replace `torch.linalg.eigh`: return unused eigenvalues, and the identity as eigenvectors."""
    return torch.return_types.linalg_eigh(
        (matrix.diagonal(dim1=-2, dim2=-1), torch.eye(matrix.size(-1)).expand_as(matrix))
    )


def measure() -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return the pairs of seconds (ours, plain) of steps without a refresh, and of steps with one."""
    mine, peers = parameters(), parameters()
    one = SOAP(mine, lr=1e-4, precondition_frequency=2)
    other = PlainSOAP(peers, lr=1e-4, precondition_frequency=2)
    noise = generator(0, "noise")
    between, refreshes = [], []
    give_gradients(mine, peers, noise)
    with mock.patch.object(torch.linalg, "eigh", no_decomposition):  # the first call only initializes the bases
        one.step()
        other.step()
    for step in range(1, 2 * PAIRS + 1):
        give_gradients(mine, peers, noise)
        pair = seconds(lambda: one.step()), seconds(other.step)
        (refreshes if step % 2 == 0 else between).append(pair)
    return between, refreshes


def give_gradients(mine: list[Tensor], peers: list[Tensor], noise: torch.Generator) -> None:
    for param, peer in zip(mine, peers, strict=True):
        param.grad = torch.randn(param.shape, generator=noise)
        peer.grad = param.grad


def main() -> None:
    between, refreshes = measure()
    print(f"one SOAP step on gpt2-small's shapes, {SHAPE.n_layer} blocks, fp32, {torch.get_num_threads()} threads")
    print(f"{'step':22} {'ours s':>8} {'plain s':>9} {'ratio':>6}")
    medians = []
    for name, pairs in (("between refreshes", between), ("with a refresh", refreshes)):
        ours, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
        medians.append((ours, plain))
        print(f"{name:22} {ours:8.3f} {plain:9.3f} {statistics.median(a / b for a, b in pairs):6.2f}")
    ours, plain = (
        ((FREQUENCY - 1) * without + with_refresh) / FREQUENCY for without, with_refresh in zip(*medians, strict=True)
    )
    print(f"{'mean over ten':22} {ours:8.3f} {plain:9.3f} {ours / plain:6.2f}", flush=True)


if __name__ == "__main__":
    main()
