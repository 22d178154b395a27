"""One SOAP step, ours against a plain transcription of the released code, on the shapes of gpt2-small.

The model has both embeddings of gpt2-small, but only three of its twelve blocks: the shapes are the same, and a step
takes a third of the time. Both sides get the same gradients; below 1, ours is faster.

In training, nine of ten steps only rotate, update and average; every tenth also refreshes the eigenbases, with the same
QR decompositions on both sides. To save time, we time five steps of the first kind and one of the second, and weight
them nine to one. The eigendecompositions of the first call take minutes on a CPU and are the same on both sides, so we
skip them: both start with the unit vectors as basis.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from unittest import mock

import torch
from torch import Tensor

from benchmarks.measurement import THREADS, Measurement, Pairs, alternate, medians, ratio, seconds, summary, versus
from benchmarks.plain_soap import PlainSOAP
from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.optim.soap import SOAP
from model.rng import generator
from sweep.execution.usage import threads

ROW, TARGET = 6, 0.58  # of the table of targets
SHAPE = GPT2Config(n_layer=3)
FREQUENCY = 10  # steps from one refresh to the next in training
MEASURED_FREQUENCY = 6  # the same in this benchmark
REFRESHES = 1  # timed pairs with a refresh; a pair takes 40 s


def parameters() -> list[Tensor]:
    model = GPT2(SHAPE)
    model.init_weights(generator(0, "init"))
    return list(model.parameters())


def no_decomposition(matrix: Tensor) -> Any:
    """Replace `torch.linalg.eigh`: return unused eigenvalues, and the identity as eigenvectors."""
    kind: Any = torch.return_types
    return kind.linalg_eigh((matrix.diagonal(dim1=-2, dim2=-1), torch.eye(matrix.size(-1)).expand_as(matrix)))


class Stepper(Protocol):
    """An optimizer of either side."""

    def step(self) -> object: ...


class Side:
    """One optimizer and its gradients. Equal seeds give both sides the same gradients."""

    def __init__(self, params: list[Tensor], optimizer: Stepper) -> None:
        self.params, self.optimizer, self.noise = params, optimizer, generator(0, "noise")

    def step(self) -> float:
        """Draw new gradients and return the seconds of a step on them."""
        for param in self.params:
            param.grad = torch.randn(param.shape, generator=self.noise)
        return seconds(self.optimizer.step)


def sides(lr: float = 1e-4, precondition_frequency: int = MEASURED_FREQUENCY) -> tuple[Side, Side]:
    """Return ours and the plain transcription, with equal weights."""
    mine, peers = parameters(), parameters()
    settings: dict[str, Any] = {"lr": lr, "precondition_frequency": precondition_frequency}
    return Side(mine, SOAP(mine, **settings)), Side(peers, PlainSOAP(peers, **settings))


def timed() -> tuple[Pairs, Pairs]:
    """Return the pairs of seconds (ours, plain) of steps without a refresh, and of steps with one."""
    one, other = sides()
    with threads(THREADS), mock.patch.object(torch.linalg, "eigh", no_decomposition):
        alternate(one.step, other.step, 1)  # the first call only initializes the bases
        pairs = alternate(one.step, other.step, MEASURED_FREQUENCY * REFRESHES)
    refreshes = pairs[MEASURED_FREQUENCY - 1 :: MEASURED_FREQUENCY]
    return [pair for number, pair in enumerate(pairs, start=1) if number % MEASURED_FREQUENCY], refreshes


def over_ten(between: Pairs, refreshes: Pairs) -> Pairs:
    """For each pair of `between`, return the mean seconds of ten steps: nine like it, one median refresh."""
    refresh = medians(refreshes)
    return [
        (
            ((FREQUENCY - 1) * ours + refresh[0]) / FREQUENCY,
            ((FREQUENCY - 1) * plain + refresh[1]) / FREQUENCY,
        )
        for ours, plain in between
    ]


def measure() -> Iterator[Measurement]:
    """Yield the mean time of our step against the plain one's."""
    between, refreshes = timed()
    pairs = over_ten(between, refreshes)
    work = "SOAP step, gpt2, mean of ten steps, one of them with a refresh: against a plain transcription"
    note = f"{versus(pairs)}; {SHAPE.n_layer} of gpt2's 12 blocks; a further pair times the refresh"
    yield ratio(ROW, work, pairs, TARGET, note=note)


def main() -> None:
    """Print both kinds of step and their mean."""
    print(f"one SOAP step on gpt2-small's shapes, {SHAPE.n_layer} blocks, fp32, {THREADS} thread")
    print(f"{'step':22} {'ours s':>8} {'plain s':>9} {'ratio':>6} (quartiles)")
    between, refreshes = timed()
    kinds: Sequence[tuple[str, Pairs]] = (
        ("between refreshes", between),
        ("with a refresh", refreshes),
        ("mean over ten", over_ten(between, refreshes)),
    )
    for name, pairs in kinds:
        print(f"{name:22} {summary(pairs)}", flush=True)


if __name__ == "__main__":
    main()
