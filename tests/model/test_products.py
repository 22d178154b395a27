"""oneDNN and MKL compute the same products and gradients; each is used where it should be."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model import products
from model.gpt2 import GPT2
from model.loss import linear_cross_entropy
from model.methods.lora import apply_lora
from model.precision import AMD
from model.pretrained.bases import load_base
from model.products import linear, onednn_is_faster, product_into, uses_onednn
from model.rng import generator

SHAPES = [(1, 7, 5), (5, 7, 1), (15, 96, 33), (40, 64, 48)]  # N, C, O


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiply all weights with oneDNN, whatever their size and the processor."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this PyTorch has no oneDNN")
    monkeypatch.setattr(products, "LARGE", 1)
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)


def problem(n: int, c: int, o: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, W, b, and a gradient of the product."""
    rng = generator(n, "test")
    shapes = ((n, c), (o, c), (o,), (n, o))
    x, weight, bias, grad = (torch.randn(shape, generator=rng, requires_grad=True) for shape in shapes)
    return x, weight, bias, grad


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("transposed", [True, False])  # whether the weight is stored as (C, O)
def test_products_and_both_gradients_equal_torch(shape: tuple[int, int, int], has_bias: bool, transposed: bool) -> None:
    x, weight, bias, grad = problem(*shape)
    inputs = (x, weight, bias) if has_bias else (x, weight)
    layout = weight.T.contiguous().T if transposed else weight
    assert uses_onednn(x, layout)
    ours = linear(x, layout, bias if has_bias else None)
    theirs = F.linear(x, weight, bias if has_bias else None)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    first, second = (torch.autograd.grad(one, inputs, grad, create_graph=True) for one in (ours, theirs))
    for mine, expected in zip(first, second, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-5)
    twice, expected_twice = (
        torch.autograd.grad(one[0].square().sum() + one[1].square().sum(), (x, weight, grad)) for one in (first, second)
    )
    for mine, expected in zip(twice, expected_twice, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_product_can_fill_a_buffer(shape: tuple[int, int, int]) -> None:
    x, weight, _, buffer = (one.detach() for one in problem(*shape))
    assert product_into(buffer, x, weight) is buffer
    torch.testing.assert_close(buffer, x @ weight.T, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("onednn")
def test_a_product_is_the_same_each_time() -> None:
    x, weight, bias, _ = problem(40, 64, 48)
    assert torch.equal(linear(x, weight, bias), linear(x, weight, bias))


@pytest.mark.usefixtures("onednn")
def test_activations_are_saved_only_if_the_weight_is_trained() -> None:
    x, weight, bias, _ = problem(5, 7, 3)
    frozen, trained = weight.detach(), x.detach()
    (kept, needed) = linear(x, frozen, bias).grad_fn.saved_tensors  # type: ignore[union-attr]
    assert kept is None
    assert torch.equal(needed, frozen)
    (kept, needed) = linear(trained, weight, bias).grad_fn.saved_tensors  # type: ignore[union-attr]
    assert needed is None
    assert torch.equal(kept, trained)


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("lora", [True, False])
def test_a_training_step_equals_that_of_mkl_up_to_rounding(
    small_model: GPT2, lora: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lora:
        apply_lora(small_model, rank=4)
    ids = torch.randint(97, (3, 20), generator=generator(0, "data"))
    trained = [parameter for parameter in small_model.parameters() if parameter.requires_grad]

    def step() -> tuple[Tensor, ...]:
        hidden = small_model.hidden(ids[:, :-1]).flatten(0, 1)
        loss = linear_cross_entropy(hidden, small_model.head_weight, ids[:, 1:].flatten())
        return (
            loss,
            *torch.autograd.grad(loss, trained, allow_unused=True),
            small_model(ids),
            small_model.head(hidden),
        )

    multiply, used = products._onednn, list[torch.Size]()

    def counted(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        used.append(weight.shape)
        return multiply(x, weight, bias)

    monkeypatch.setattr(products, "_onednn", counted)
    with torch.no_grad():
        small_model.head(small_model.hidden(ids)[0])
    assert used == [(72, 24), (24, 24), (96, 24), (24, 96)] * 2 + [(97, 24)]  # the projections of two blocks, the head
    ours = step()
    calls = len(used)
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    theirs = step()
    assert len(used) == calls
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("onednn")
def test_only_matrices_in_fp32_on_a_cpu_use_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, _, _ = problem(5, 7, 3)
    assert uses_onednn(x, weight)
    assert not uses_onednn(x[None], weight)
    assert not uses_onednn(x.bfloat16(), weight.bfloat16())
    assert not uses_onednn(x.to("meta"), weight.to("meta"))
    with monkeypatch.context() as switch:
        switch.setattr(torch.backends.mkldnn, "enabled", False)
        assert not uses_onednn(x, weight)
        assert torch.equal(linear(x, weight), F.linear(x, weight))
    monkeypatch.setattr(products, "LARGE", weight.numel() + 1)
    assert not uses_onednn(x, weight)
    monkeypatch.setattr(products, "LARGE", weight.numel())
    monkeypatch.setattr(products, "onednn_is_faster", lambda: False)
    assert not uses_onednn(x, weight)


def test_tiny_has_no_large_weight() -> None:
    """Its results do not depend on the library; see `Provenance.platform_names`."""
    assert max(parameter.numel() for parameter in load_base("tiny").build().parameters()) < products.LARGE


@pytest.mark.parametrize(("maker", "faster"), [(AMD, True), ("GenuineIntel", False), (None, False)])
def test_onednn_is_faster_on_processors_of_amd(
    maker: str | None, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "cpu_vendor", lambda: maker)
    assert onednn_is_faster.__wrapped__() == (faster and hasattr(torch.ops.mkldnn, "_linear_pointwise"))
