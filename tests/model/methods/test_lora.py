"""LoRA compared with PEFT, and on weights small enough to compute by hand."""

import math
from collections.abc import Iterator
from typing import Any

import peft
import pytest
import torch
from torch import Tensor

from model.casting import as_dtype
from model.dropout import set_dropout_stream
from model.gpt2 import GPT2, Conv1D
from model.gpt2_config import GPT2Config
from model.methods.lora import LoRAConv1D, apply_lora, lora_layers, merge_lora, unmerge_lora
from model.optim.adamw import AdamW
from model.pretrained.bases import load_base
from model.rng import generator
from tests.model.references import hugging_face


@pytest.fixture
def ids(small_config: GPT2Config) -> Tensor:
    return torch.randint(small_config.vocab_size, (2, 8), generator=generator(1, "test"))


def adapted(model: GPT2, rank: int = 3, scale: float = 1.5, dropout: float = 0.0) -> GPT2:
    """`model` with adapters whose B is no longer zero."""
    apply_lora(model, rank=rank, scale=scale, dropout=dropout, seed=7)
    rng = generator(8, "test")
    for layer in lora_layers(model):
        layer.lora_B.data.normal_(std=0.3, generator=rng)
    return model.eval()


def in_peft(base: GPT2, model: GPT2) -> peft.PeftModel:
    """PEFT's adapter of rank 3r on the joint c_attn of `base`, block-diagonal in B: the three adapters of `model`."""
    layers = list(lora_layers(model))
    joint = layers[0].lora_A.size(0) * layers[0].lora_A.size(1)
    config = peft.LoraConfig(
        r=joint,
        lora_alpha=layers[0].scale * joint,
        target_modules=["c_attn"],
        fan_in_fan_out=True,
        task_type="CAUSAL_LM",
    )
    theirs = peft.get_peft_model(hugging_face(base), config)
    for block, layer in zip(theirs.base_model.model.transformer.h, layers, strict=True):
        block.attn.c_attn.lora_A["default"].weight.data.copy_(layer.lora_A.detach().flatten(0, 1))
        block.attn.c_attn.lora_B["default"].weight.data.copy_(torch.block_diag(*layer.lora_B.detach()))
    return theirs.eval()


# --- the reference


# PEFT 0.21 asks transformers 5 for a property by its old name.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize(("rank", "scale"), [(1, 1.0), (2, 0.25), (4, 2.0)])
def test_forward_and_merge_equal_peft(small_model: GPT2, ids: Tensor, rank: int, scale: float) -> None:
    model = adapted(GPT2.from_state_dict(small_model.config, small_model.state_dict()), rank, scale)
    theirs = in_peft(small_model, model)
    with torch.no_grad():
        expected = theirs(input_ids=ids).logits
        assert (expected - small_model(ids)).abs().max() > 0.1  # the adapters matter
        torch.testing.assert_close(model(ids), expected, atol=1e-4, rtol=0)
    merged = theirs.merge_and_unload()
    for ours, block in zip(lora_layers(merge_lora(model)), merged.transformer.h, strict=True):
        torch.testing.assert_close(ours.weight, block.attn.c_attn.weight, atol=1e-6, rtol=0)


# --- on paper


def test_a_delta_checked_on_paper() -> None:
    """C = 3, O = 2, r = 1, s = 10. Query: A = [1 0 2], B = [3 0]^T; key: B = 0; value: A = [0 1 0], B = [1 -1]^T.

    B A of the query is [[3 0 6], [0 0 0]], of the value [[0 1 0], [0 -1 0]]; the weight's layout is the transpose.
    """
    frozen = Conv1D(3, 6)
    frozen.weight.data.fill_(1)
    frozen.bias.data = torch.arange(6.0)
    layer = LoRAConv1D(frozen, rank=1, scale=10, dropout=0)
    layer.lora_A.data = torch.tensor([[[1.0, 0, 2]], [[5.0, 5, 5]], [[0.0, 1, 0]]])
    layer.lora_B.data = torch.tensor([[[3.0], [0]], [[0.0], [0]], [[1.0], [-1]]])
    delta = torch.tensor(
        [
            [30.0, 0, 0, 0, 0, 0],
            [0.0, 0, 0, 0, 10, -10],
            [60.0, 0, 0, 0, 0, 0],
        ]
    )
    assert torch.equal(layer.delta(), delta)
    # x = (1, 2, 3): W0 x = 6 everywhere, plus the bias, plus s B A x = (30 + 180, 0, 0, 0, 20, -20).
    x = torch.tensor([[1.0, 2, 3]])
    expected = torch.tensor([[216.0, 7, 8, 9, 30, -9]])
    assert torch.equal(layer(x), expected)
    layer.merge()
    assert torch.equal(layer.weight, 1 + delta)
    assert torch.equal(layer(x), expected)


@pytest.mark.parametrize(
    ("rank", "trained", "share"),
    [(2, 110_592, 0.0009), (8, 442_368, 0.0035), (32, 1_769_472, 0.014)],  # 12 blocks * 3 * r * (768 + 768)
)
def test_parameter_count_on_gpt2(rank: int, trained: int, share: float) -> None:
    with torch.device("meta"):
        model = apply_lora(GPT2(GPT2Config()), rank=rank)
    total = sum(parameter.numel() for parameter in model.parameters())
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == trained
    assert total == 124_439_808 + trained
    assert trained / total == pytest.approx(share, abs=5e-4)


# --- merging


def test_merged_logits_equal_unmerged(small_model: GPT2, ids: Tensor) -> None:
    model = adapted(small_model)
    with torch.no_grad():
        before = model(ids)
        torch.testing.assert_close(merge_lora(model)(ids), before, atol=1e-5, rtol=1e-5)
        assert all(layer.merged for layer in lora_layers(model))
        assert torch.equal(unmerge_lora(model)(ids), before)
    assert not any(layer.merged for layer in lora_layers(model))


def test_merging_twice_is_merging_once(small_model: GPT2) -> None:
    model = adapted(small_model)
    once = [layer.weight.clone() for layer in lora_layers(merge_lora(model))]
    twice = [layer.weight for layer in lora_layers(merge_lora(model))]
    assert all(torch.equal(a, b) for a, b in zip(once, twice, strict=True))


def test_merge_keeps_shared_tensors_and_unmerge_restores_them() -> None:
    base = load_base("tiny")
    before = {name: tensor.clone() for name, tensor in base.state.items()}
    model = adapted(base.build(frozen=True))
    name = "transformer.h.0.attn.c_attn.weight"
    assert model.state_dict()[name].data_ptr() == base.state[name].data_ptr()  # no copy was made
    merge_lora(model)
    assert model.state_dict()[name].data_ptr() != base.state[name].data_ptr()
    assert (model.state_dict()[name] - base.state[name]).abs().max() > 0.01
    assert all(torch.equal(base.state[key], tensor) for key, tensor in before.items())
    unmerge_lora(model)
    assert model.state_dict()[name].data_ptr() == base.state[name].data_ptr()
    assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in before.items())


def test_merging_does_not_change_parameters(small_model: GPT2) -> None:
    model = adapted(small_model)
    before = {name: (tensor.shape, tensor.requires_grad) for name, tensor in model.named_parameters()}
    names = list(model.state_dict())
    merge_lora(model)
    assert {name: (tensor.shape, tensor.requires_grad) for name, tensor in model.named_parameters()} == before
    assert list(unmerge_lora(model).state_dict()) == names


def test_unmerged_weights_are_not_cast_again(small_model: GPT2, ids: Tensor) -> None:
    model = adapted(small_model)
    model.compute_in(torch.bfloat16)
    with torch.no_grad():
        model(ids)
        casts = [as_dtype(layer.weight, torch.bfloat16) for layer in lora_layers(model)]
        merge_lora(model)(ids)
        assert all(as_dtype(layer.weight, torch.bfloat16) is not cast for layer, cast in paired(model, casts))
        unmerge_lora(model)
        assert all(as_dtype(layer.weight, torch.bfloat16) is cast for layer, cast in paired(model, casts))


def paired(model: GPT2, casts: list[Tensor]) -> Iterator[tuple[LoRAConv1D, Tensor]]:
    return zip(lora_layers(model), casts, strict=True)


def test_merged_state_is_a_plain_models(small_model: GPT2, ids: Tensor) -> None:
    names, merged = list(small_model.state_dict()), merge_lora(adapted(small_model))
    state = merged.state_dict()
    assert list(state) == names
    plain = GPT2(small_model.config).eval()
    plain.load_state_dict(state)
    torch.testing.assert_close(plain(ids), unmerge_lora(merged)(ids), atol=1e-5, rtol=1e-5)
    fresh = apply_lora(GPT2(small_model.config), rank=3)
    with pytest.raises(RuntimeError, match="lora_A"):
        fresh.load_state_dict(state)


def test_loading_into_merged_adapters_is_refused(small_model: GPT2) -> None:
    model = adapted(small_model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layer = next(lora_layers(merge_lora(model)))
    before = layer.weight.clone()
    with pytest.raises(RuntimeError, match=r"adapters of transformer.h.0.attn.c_attn are merged: call unmerge_lora"):
        model.load_state_dict(state)
    assert torch.equal(layer.weight, before)
    unmerge_lora(model).load_state_dict(state)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_models_that_share_a_base_are_independent(ids: Tensor) -> None:
    base = load_base("tiny")
    first, second = (adapted(base.build(frozen=True)) for _ in range(2))
    with torch.no_grad():
        expected = second(ids)
        merge_lora(first)
        next(lora_layers(first)).lora_B.data.fill_(3)
        assert torch.equal(second(ids), expected)


# --- a fresh adapter


def test_a_fresh_adapter_changes_nothing(small_model: GPT2, ids: Tensor) -> None:
    before = small_model(ids)
    apply_lora(small_model, rank=4, scale=2.0)
    torch.testing.assert_close(small_model(ids), before, atol=1e-6, rtol=0)


def test_a_is_uniform_and_b_zero(small_model: GPT2) -> None:
    apply_lora(small_model, rank=20)
    bound = 1 / math.sqrt(24)
    for layer in lora_layers(small_model):
        assert not layer.lora_B.any()
        assert 0.95 * bound < layer.lora_A.abs().max() <= bound
        assert layer.lora_A.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


def test_adapters_are_a_function_of_the_seed(small_config: GPT2Config) -> None:
    adapters = []
    for seed in (1, 1, 2):
        model = GPT2(small_config)
        model.init_weights(generator(0, "init"))
        adapters.append([layer.lora_A for layer in lora_layers(apply_lora(model, rank=2, seed=seed))])
    assert all(torch.equal(a, b) for a, b in zip(adapters[0], adapters[1], strict=True))
    assert not torch.equal(adapters[0][0], adapters[2][0])
    assert not torch.equal(adapters[0][0], adapters[0][1])  # no two blocks start alike


def test_a_second_apply_is_refused(small_model: GPT2) -> None:
    apply_lora(small_model, rank=2)
    next(lora_layers(small_model)).bias.requires_grad_()
    with pytest.raises(ValueError, match="already"):
        apply_lora(small_model, rank=2)
    assert next(lora_layers(small_model)).bias.requires_grad  # nothing was frozen


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rank": 0}, "lora.rank: must be at least 1"),
        ({"rank": 2.0}, "lora.rank: must be int"),
        ({"rank": 2, "dropout": 1.5}, "lora.dropout: must be below 1"),
        ({"rank": 2, "dropout": 1.0}, "lora.dropout: must be below 1"),
        ({"rank": 2, "scale": math.nan}, "lora.scale: must be a finite number"),
        ({"rank": 2, "scale": -1.0}, "lora.scale: must be above 0"),
    ],
    ids=str,
)
def test_adapters_have_the_bounds_of_the_config(small_model: GPT2, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        apply_lora(small_model, **settings)
    assert all(parameter.requires_grad for parameter in small_model.parameters())
    assert not list(lora_layers(small_model))


# --- training


def test_only_adapters_get_gradients(small_model: GPT2, ids: Tensor) -> None:
    model = adapted(small_model)
    model(ids).logsumexp(-1).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == ("lora_" in name), name
        assert (parameter.grad is not None) == ("lora_" in name), name


def test_gradients_equal_those_of_the_merged_weight(small_model: GPT2) -> None:
    """With G the gradient towards W: dB = s G_part^T A^T, by the chain rule over `delta`."""
    layer = next(lora_layers(adapted(small_model)))
    x = torch.randn(2, 5, 24, generator=generator(3, "test"))
    weight = (layer.weight + layer.delta()).detach().requires_grad_()
    (x @ weight + layer.bias).sin().sum().backward()
    layer(x).sin().sum().backward()
    for part, (a, b) in enumerate(zip(layer.lora_A, layer.lora_B, strict=True)):
        g = weight.grad[:, 24 * part : 24 * (part + 1)]  # (C, O)
        torch.testing.assert_close(layer.lora_B.grad[part], layer.scale * g.T @ a.T, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(layer.lora_A.grad[part], layer.scale * b.T @ g.T, atol=1e-4, rtol=1e-4)


def test_dropout_reaches_the_adapters_input_only(small_model: GPT2) -> None:
    layer = next(lora_layers(adapted(small_model, dropout=0.5)))
    set_dropout_stream(layer, generator(0, "dropout"))
    x = torch.ones(4000, 24)
    plain = layer(x)
    layer.train()
    noisy = layer(x)
    assert not torch.equal(noisy, plain)
    torch.testing.assert_close(noisy.mean(0), plain.mean(0), atol=0.1, rtol=0)  # unbiased
    layer.lora_B.data.zero_()
    torch.testing.assert_close(layer(x), torch.addmm(layer.bias, x, layer.weight))  # the frozen path is whole


def test_it_converges_on_a_toy(small_model: GPT2, ids: Tensor) -> None:
    apply_lora(small_model, rank=4)
    optimizer = AdamW([p for p in small_model.parameters() if p.requires_grad], lr=2e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(small_model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_in_bf16_gradients_are_as_exact_as_pefts_under_autocast(small_model: GPT2, ids: Tensor) -> None:
    model = adapted(GPT2.from_state_dict(small_model.config, small_model.state_dict()))
    theirs = in_peft(small_model, model)
    factors = [layer.lora_A for layer in lora_layers(model)]

    def ours(dtype: torch.dtype | None) -> Tensor:
        model.compute_in(dtype)
        grads = torch.autograd.grad(model(ids).logsumexp(-1).sum(), factors)
        assert {grad.dtype for grad in grads} == {torch.float32}
        return torch.cat([grad.flatten() for grad in grads])

    with torch.autocast("cpu", torch.bfloat16):
        loss = theirs(input_ids=ids).logits.float().logsumexp(-1).sum()
    named = dict(theirs.named_parameters())
    grads = torch.autograd.grad(loss, [named[name] for name in named if "lora_A" in name])
    exact, rounded, autocast = ours(None), ours(torch.bfloat16), torch.cat([grad.flatten() for grad in grads])
    assert 0 < (rounded - exact).norm() < 1.5 * (autocast - exact).norm()
    assert (autocast - exact).norm() < 0.2 * exact.norm()  # the model is made to be sensitive


def test_in_bf16_a_merged_adapter_is_that_of_fp32(small_model: GPT2, ids: Tensor) -> None:
    model = adapted(small_model)
    model.compute_in(torch.bfloat16)
    with torch.no_grad():
        before = model(ids)
        merge_lora(model)
        merged = model(ids)
        weight = next(lora_layers(model)).weight
        unmerge_lora(model)
        assert torch.equal(model(ids), before)
    assert weight.dtype == torch.float32
    assert 0 < (merged - before).norm() < 0.02 * before.norm()
