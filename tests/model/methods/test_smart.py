"""SMART compared with the published formula, and the guarantees of each variant about its noise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.config import SMARTConfig, TrainConfig
from model.gpt2 import GPT2
from model.loss import SLICE
from model.methods.smart import adversarial_noise, ascend, initial_noise, reduce, smart_loss, symmetrized_kl
from model.rng import generator
from model.training import Training
from tests.model.folders import random_model

IDS = torch.randint(300, (3, 9), generator=generator(0, "test"))
REAL = torch.arange(9) < torch.tensor([[9], [4], [7]])  # right padding
LAST = REAL & ~F.pad(REAL[:, 1:], (0, 1))  # what classification looks at


@pytest.fixture
def exact() -> GPT2:
    """A model in double precision."""
    return random_model(gain=3).double()


def predictor(model: GPT2, counts: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: model.hidden(inputs_embeds=x)[counts]


def library_loss(model: GPT2, counts: Tensor, smart: SMARTConfig, noise: Tensor) -> Tensor:
    """The lines of smart-pytorch's `SMARTLoss.forward`, in torch's own divergences."""

    def kl(input: Tensor, target: Tensor, reduction: str) -> Tensor:
        return F.kl_div(F.log_softmax(input, 1), F.softmax(target, 1), reduction=reduction)

    def logits(x: Tensor) -> Tensor:
        return model(inputs_embeds=x)[counts]

    embeddings = model.embed(IDS)
    state = logits(embeddings)
    for _ in range(smart.steps):
        noise = noise.detach().requires_grad_()
        loss = kl(logits(embeddings.detach() + noise), state.detach(), "sum") / len(IDS)
        (grad,) = torch.autograd.grad(loss, noise)
        step = noise + smart.step_size * grad
        noise = step / (torch.linalg.vector_norm(step, torch.inf, dim=-1, keepdim=True) + smart.eps)
    perturbed = logits(embeddings + noise.detach())
    return kl(perturbed, state.detach(), "sum") + kl(state, perturbed.detach(), "sum")


@pytest.mark.parametrize("counts", [REAL, LAST], ids=["language model", "classification"])
@pytest.mark.parametrize("steps", [1, 3])
def test_library_equals_the_published_formula(exact: GPT2, counts: Tensor, steps: int) -> None:
    smart = SMARTConfig(lam=1.0, variant="library", eps=1e-6, step_size=1e-3, noise_var=1e-5, steps=steps)
    embeddings, predict = exact.embed(IDS), predictor(exact, counts)
    noise = initial_noise(embeddings.detach(), smart, generator(1, "smart"))
    expected = library_loss(exact, counts, smart, noise.clone())
    ours = smart_loss(predict, embeddings, predict(embeddings), exact.head_weight, smart, generator(1, "smart"))
    torch.testing.assert_close(ours, expected, rtol=1e-8, atol=1e-10)
    assert ours > 0.01
    parameters = list(exact.parameters())
    for mine, theirs in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-9)


def clean(model: GPT2, counts: Tensor) -> Tensor:
    return model(IDS)[counts].softmax(1).detach()


def divergence(model: GPT2, counts: Tensor, noise: Tensor) -> float:
    embeddings, predict = model.embed(IDS).detach(), predictor(model, counts)
    head = model.head_weight
    return symmetrized_kl(predict(embeddings + noise), head, predict(embeddings), head).item()


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("eps", [1e-6, 1e-5, 1e-2])
@pytest.mark.parametrize("variant", ["custom", "paper"])
def test_the_noise_stays_in_its_ball_and_raises_the_divergence(
    exact: GPT2, variant: str, eps: float, steps: int
) -> None:
    smart = SMARTConfig(lam=1.0, variant=variant, eps=eps, steps=steps, step_size=1.0)
    embeddings, predict = exact.embed(IDS), predictor(exact, REAL)
    start = initial_noise(embeddings.detach(), smart, generator(1, "smart"))
    noise = adversarial_noise(predict, embeddings, clean(exact, REAL), exact.head_weight, smart, start.clone())
    assert noise.abs().max() <= eps
    # Compared at equal length: `custom` may have to shorten its first noise, which alone would lower the divergence.
    start = start * (noise.abs().max() / start.abs().max())
    assert divergence(exact, REAL, noise) > divergence(exact, REAL, start)


def test_library_noise_has_norm_one_for_every_eps(exact: GPT2) -> None:
    """The flaw that `custom` corrects."""
    for eps in (1e-6, 1e-5):
        smart = SMARTConfig(lam=1.0, variant="library", eps=eps)
        embeddings, predict = exact.embed(IDS), predictor(exact, REAL)
        start = initial_noise(embeddings.detach(), smart, generator(1, "smart"))
        noise = adversarial_noise(predict, embeddings, clean(exact, REAL), exact.head_weight, smart, start)
        torch.testing.assert_close(noise.abs().amax(-1)[REAL], torch.ones(int(REAL.sum())).double(), rtol=0.5, atol=0)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("library", [[0.5 / 1.1, -1.0 / 1.1], [0.2 / 0.3, 0.1 / 0.3]]),  # s = .5 -1 | .2 .1, + eps .1
        ("custom", [[0.05, -0.1], [0.1, 0.05]]),  # eps s / |s|
        ("paper", [[0.1, -0.1], [0.1, 0.1]]),  # .1 .4/4*.. clipped to eps
    ],
)
def test_one_ascent_step_by_hand(variant: str, expected: list[list[float]]) -> None:
    """Noise .1 0 | .2 .1 and gradient 4 -10 | 0 0, step size .1, eps .1."""
    smart = SMARTConfig(lam=1.0, variant=variant, eps=0.1, step_size=0.1)
    noise, grad = torch.tensor([[[0.1, 0.0], [0.2, 0.1]]]), torch.tensor([[[4.0, -10.0], [0.0, 0.0]]])
    torch.testing.assert_close(ascend(noise, grad, smart), torch.tensor([expected]))


@pytest.mark.parametrize("variant", ["library", "custom", "paper"])
def test_a_gradient_of_zero_gives_finite_noise(variant: str) -> None:
    smart = SMARTConfig(lam=1.0, variant=variant)
    assert ascend(torch.zeros(2, 3, 4), torch.zeros(2, 3, 4), smart).isfinite().all()


def test_the_first_noise_has_the_stated_deviation() -> None:
    like = torch.zeros(100, 50, 20)
    for variant, deviation in (("library", 1e-5), ("custom", 1e-5), ("paper", 1e-5**0.5)):
        smart = SMARTConfig(lam=1.0, variant=variant, noise_var=1e-5, eps=1.0)
        noise = initial_noise(like, smart, generator(0, "smart"))
        assert noise.std().item() == pytest.approx(deviation, rel=0.02)
        assert torch.equal(noise, initial_noise(like, smart, generator(0, "smart")))


@pytest.mark.parametrize("n", [1, SLICE, SLICE + 3])
@pytest.mark.parametrize("shared", [True, False])
def test_the_divergence_equals_torchs_in_value_and_gradient(n: int, shared: bool) -> None:
    rng = generator(n, "test")
    a, b, head, other = (
        torch.randn(size, 6, generator=rng, dtype=torch.float64, requires_grad=True) for size in (n, n, 11, 11)
    )
    other = head if shared else other
    log_p, log_q = F.log_softmax(a @ head.T, 1), F.log_softmax(b @ other.T, 1)
    expected = F.kl_div(log_p, log_q.detach(), reduction="sum", log_target=True)
    expected = expected + F.kl_div(log_q, log_p.detach(), reduction="sum", log_target=True)
    ours = symmetrized_kl(a, head, b, other)
    torch.testing.assert_close(ours, expected)
    inputs = [a, b, head] if shared else [a, b, head, other]
    for mine, theirs in zip(
        torch.autograd.grad(2 * ours, inputs), torch.autograd.grad(2 * expected, inputs), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_the_divergence_of_a_distribution_from_itself_is_zero() -> None:
    a, head = torch.randn(5, 6, generator=generator(0, "test")), torch.randn(11, 6, generator=generator(1, "test"))
    assert symmetrized_kl(a, head, a, head).item() == 0


def test_the_divergence_is_symmetric_and_positive() -> None:
    a, b, head = (torch.randn(n, 6, generator=generator(k, "test")) for k, n in enumerate((5, 5, 11)))
    assert symmetrized_kl(a, head, b, head).item() == pytest.approx(symmetrized_kl(b, head, a, head).item())
    assert symmetrized_kl(a, head, b, head) > 0


def test_half_precision_is_summed_in_single() -> None:
    """Of 500 positions, whose sum bfloat16 could not hold to three digits."""
    a, b, head = (torch.randn(n, 6, generator=generator(k, "test")).bfloat16() for k, n in enumerate((500, 500, 11)))
    total = symmetrized_kl(a, head, b, head)
    assert total.dtype == torch.float32
    exact = symmetrized_kl(a.double(), head.double(), b.double(), head.double())
    assert total.item() == pytest.approx(exact.item(), rel=2e-3)


@pytest.mark.parametrize(
    ("variant", "reduction", "divisor"),
    [("library", None, 1), ("custom", None, 20), ("paper", None, 20), ("custom", "batchmean", 3), ("paper", "sum", 1)],
)
def test_reduction_divisors(variant: str, reduction: str | None, divisor: int) -> None:
    smart = SMARTConfig(lam=1.0, variant=variant, reduction=reduction)
    assert reduce(torch.tensor(60.0), smart, sequences=3, positions=20).item() == 60 / divisor


@pytest.mark.parametrize("variant", ["library", "custom", "paper"])
def test_padding_has_no_say(exact: GPT2, variant: str) -> None:
    """Other tokens behind the real ones change neither the loss nor its gradient."""
    smart = SMARTConfig(lam=1.0, variant=variant, eps=1e-2)

    def loss_and_gradient(ids: Tensor) -> tuple[Tensor, Any]:
        embeddings, predict = exact.embed(ids), predictor(exact, REAL)
        loss = smart_loss(predict, embeddings, predict(embeddings), exact.head_weight, smart, generator(1, "smart"))
        return loss, torch.autograd.grad(loss, exact.transformer.h[0].attn.c_attn.weight)[0]  # type: ignore[union-attr]

    one, other = loss_and_gradient(IDS), loss_and_gradient(torch.where(REAL, IDS, 7))
    torch.testing.assert_close(one, other)


def test_parameters_get_no_gradient_from_the_ascent(exact: GPT2) -> None:
    smart = SMARTConfig(lam=1.0, steps=2)
    embeddings, predict = exact.embed(IDS), predictor(exact, REAL)
    start = initial_noise(embeddings.detach(), smart, generator(1, "smart"))
    adversarial_noise(predict, embeddings, clean(exact, REAL), exact.head_weight, smart, start)
    assert all(parameter.grad is None for parameter in exact.parameters())


def test_smoothing_smooths(exact: GPT2) -> None:
    """Descending R_s alone makes the model's predictions change less."""
    smart = SMARTConfig(lam=1.0, variant="paper", eps=0.05, step_size=0.05)
    optimizer = torch.optim.SGD(exact.parameters(), lr=0.05)
    losses = []
    for _ in range(15):
        embeddings, predict = exact.embed(IDS), predictor(exact, REAL)
        loss = smart_loss(predict, embeddings, predict(embeddings), exact.head_weight, smart, generator(1, "smart"))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_the_same_stream_repeats(exact: GPT2) -> None:
    smart = SMARTConfig(lam=1.0)
    embeddings, predict = exact.embed(IDS), predictor(exact, REAL)
    hidden, head = predict(embeddings), exact.head_weight

    def loss(config: SMARTConfig, seed: int) -> float:
        return smart_loss(predict, embeddings, hidden, head, config, generator(seed, "smart")).item()

    assert loss(smart, 1) == loss(smart, 1) != loss(smart, 2)
    assert loss(replace(smart, steps=2), 1) != loss(smart, 1)


def test_gradients_are_half_of_the_printed_formulas_nearby() -> None:
    """smart-pytorch's detached terms; `p` is the teacher of the proximal term."""
    rng = generator(0, "test")
    head = torch.randn(50, 8, generator=rng, dtype=torch.float64)
    a = torch.randn(6, 8, generator=rng, dtype=torch.float64)
    b = (a + 1e-4 * torch.randn(6, 8, generator=rng, dtype=torch.float64)).requires_grad_()
    (ours,) = torch.autograd.grad(symmetrized_kl(b, head, a, head), b)
    log_p, log_q = (a @ head.T).log_softmax(1), (b @ head.T).log_softmax(1)
    (printed,) = torch.autograd.grad(((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(), b)
    torch.testing.assert_close(ours, printed / 2, rtol=1e-3, atol=1e-12)


def test_only_paper_clips_the_first_noise() -> None:
    like = torch.zeros(2, 50, 8)
    noise = initial_noise(like, SMARTConfig(lam=1, variant="paper", eps=0.5, noise_var=4.0), generator(0, "test"))
    assert noise.abs().max() == 0.5
    noise = initial_noise(like, SMARTConfig(lam=1, variant="custom", eps=0.5, noise_var=4.0), generator(0, "test"))
    assert noise.abs().max() > 8


@pytest.mark.parametrize(
    ("variant", "eps", "low", "high"),
    [("custom", 1e-5, 1e-7, 2e-6), ("custom", 0.1, 0.5, 2.0), ("paper", 1e-5, 1e-6, 2e-5)],
)
def test_the_papers_radius_has_no_effect(variant: str, eps: float, low: float, high: float) -> None:
    """Gradients with lam 1, in units of the cross-entropy's, on `tiny`: the figures of docs/methods.md."""
    training = Training(TrainConfig(dropout=0.0, smart=SMARTConfig(lam=1.0, variant=variant, eps=eps)))
    training.objective.start_epoch(1)
    batch = next(training.task.batches("train", range(8), 8))

    def gradient() -> Tensor:
        found = torch.autograd.grad(training.objective(batch).objective, list(training.trainable.values()))
        return torch.cat([part.flatten() for part in found])

    whole = gradient()
    training.objective.smart = None
    plain = gradient()
    assert low < ((whole - plain).norm() / plain.norm()).item() < high
