"""Dropout: rate and scale, and that only its own generator decides the mask."""

import pytest
import torch
from torch import nn

from model.dropout import Dropout, set_dropout_stream
from model.rng import generator


def dropout(p: float, seed: int = 0) -> Dropout:
    layer = Dropout(p)
    set_dropout_stream(layer, generator(seed, "dropout"))
    return layer.train()


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
def test_the_rate_is_p(p: float) -> None:
    n = 400_000
    dropped = (dropout(p)(torch.ones(n)) == 0).float().mean().item()
    assert abs(dropped - p) < 5 * (p * (1 - p) / n) ** 0.5


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9, 0.999999])
def test_kept_elements_are_scaled_by_the_inverse_keep_rate(p: float) -> None:
    values = dropout(p)(torch.ones(1_000_000)).unique()
    assert values[0] == 0
    threshold = min(round(p * 2**16), 2**16 - 1)
    assert values[1:].tolist() == pytest.approx([2**16 / (2**16 - threshold)])
    if p < 0.99:
        assert values[1:].item() == pytest.approx(1 / (1 - p), rel=1e-3)


def test_the_expectation_is_the_input() -> None:
    layer, x = dropout(0.25), torch.tensor([1.0, -2.0, 3.0, 0.5, 7.0])
    mean = torch.stack([layer(x) for _ in range(20_000)]).mean(0)
    torch.testing.assert_close(mean, x, rtol=0.03, atol=0)


def test_neighbours_in_one_random_word_are_independent() -> None:
    """Four elements share a 64-bit draw; each pair is kept together as often as independence says."""
    kept = (dropout(0.5)(torch.ones(100_000, 4)) != 0).float()
    correlation = torch.corrcoef(kept.T)
    assert (correlation - torch.eye(4)).abs().max() < 0.015


def test_equal_streams_give_equal_masks() -> None:
    x = torch.ones(7, 11)
    first, second, other = (dropout(0.3, seed)(x) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_each_call_samples_a_new_mask() -> None:
    layer, x = dropout(0.3), torch.ones(100)
    assert not torch.equal(layer(x), layer(x))


@pytest.mark.parametrize("shape", [(1,), (3,), (4,), (5, 7), (2, 3, 5)])
def test_any_shape_is_kept(shape: tuple[int, ...]) -> None:
    assert dropout(0.3)(torch.ones(shape)).shape == shape


def test_the_process_wide_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    dropout(0.3)(torch.ones(100))
    assert torch.equal(torch.get_rng_state(), before)


def test_gradient_flows_only_through_kept_elements() -> None:
    x = torch.ones(1000, requires_grad=True)
    out = dropout(0.3)(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


@pytest.mark.parametrize(("p", "training"), [(0.5, False), (0.0, True)])
def test_nothing_is_dropped_and_no_stream_needed_when_off(p: float, training: bool) -> None:
    x = torch.ones(5)
    layer = Dropout(p).train(training)
    assert layer(x) is x
    assert not layer.active


def test_dropping_without_a_stream_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="set_dropout_stream"):
        Dropout(0.5).train()(torch.ones(5))


def test_all_layers_share_one_generator() -> None:
    model = nn.Sequential(Dropout(0.5), nn.Sequential(nn.Identity(), Dropout(0.5)))
    rng = generator(0, "dropout")
    set_dropout_stream(model, rng)
    assert [layer.stream for layer in model.modules() if isinstance(layer, Dropout)] == [rng, rng]


def test_in_bf16_the_scale_is_exact() -> None:
    """1 / (1 - 0.1) is 1.1094 in bf16."""
    layer = Dropout(0.1)
    layer.stream = generator(0, "dropout")
    kept = layer(torch.ones(1000, dtype=torch.bfloat16))
    assert kept.dtype == torch.float32
    assert kept.max().item() == pytest.approx(1 / 0.9, rel=1e-4)
