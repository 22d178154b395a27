"""GPT-2 compared with transformers on the same weights, and its own code paths with each other."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from model import gpt2 as module
from model.dropout import set_dropout_stream
from model.gpt2 import GPT2, Conv1D, KVCache
from model.gpt2_config import GPT2Config, parameter_shapes
from model.loss import linear_cross_entropy
from model.pretrained.bases import load_base
from model.pretrained.files import TINY
from model.rng import generator
from tests.model.folders import random_model
from tests.model.references import hugging_face, their_logits

MASKS = {
    "no padding": torch.ones(3, 9, dtype=torch.long),
    "left": torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1, 1], [1] * 9, [0] * 8 + [1]]),
    "right": torch.tensor([[1, 1, 1, 1, 1, 1, 0, 0, 0], [1] * 9, [1] + [0] * 8]),
}


@pytest.fixture
def ids(small_config: GPT2Config) -> Tensor:
    return torch.randint(small_config.vocab_size, (3, 9), generator=generator(1, "test"))


# --- the reference


@pytest.mark.parametrize(
    "changes",
    [{}, {"n_inner": 40}, {"layer_norm_epsilon": 1e-2}, {"n_head": 1}, {"n_layer": 1}, {"n_embd": 30, "n_head": 5}],
    ids=str,
)
def test_logits_equal_transformers(small_config: GPT2Config, ids: Tensor, changes: dict[str, int]) -> None:
    model = random_model(GPT2Config(**{**vars(small_config), **changes}))
    theirs = their_logits(hugging_face(model), ids)
    assert theirs.std() > 0.5  # far from the zeros that would match by accident
    torch.testing.assert_close(model(ids), theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("padding", MASKS)
def test_padded_logits_equal_transformers(small_config: GPT2Config, ids: Tensor, padding: str) -> None:
    model, mask = random_model(small_config), MASKS[padding]
    ours, theirs = model(ids, attention_mask=mask), their_logits(hugging_face(model), ids, mask)
    real = mask.bool()
    torch.testing.assert_close(ours[real], theirs[real], atol=1e-4, rtol=0)
    assert ours.isfinite().all()


def test_the_shipped_base_equals_transformers() -> None:
    base = load_base("tiny")
    ids = torch.tensor([base.tokenizer.encode("Shall I compare thee to a summer's day?\nThou art more lovely")])
    theirs = GPT2LMHeadModel.from_pretrained(TINY, local_files_only=True).eval()
    torch.testing.assert_close(base.build().eval()(ids), their_logits(theirs, ids), atol=1e-4, rtol=0)


def test_gradients_equal_transformers(small_config: GPT2Config, ids: Tensor) -> None:
    model = random_model(small_config)
    theirs = hugging_face(model)
    model(ids).logsumexp(-1).sum().backward()
    theirs(input_ids=ids).logits.logsumexp(-1).sum().backward()
    expected = dict(theirs.named_parameters())
    for name, parameter in model.named_parameters():
        scale = expected[name].grad.abs().max().item()
        assert scale > 0, name
        torch.testing.assert_close(parameter.grad, expected[name].grad, atol=1e-4 * scale, rtol=1e-3, msg=name)


def test_the_defaults_are_gpt2_small() -> None:
    with torch.device("meta"):
        model = GPT2(GPT2Config())
    assert sum(parameter.numel() for parameter in model.parameters()) == 124_439_808
    assert GPT2Config().mlp_width == 3072


# --- every path gives the same numbers


def test_logits_of_a_large_head_equal_those_of_a_small_one(small_model: GPT2, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = torch.randn(3, small_model.config.n_embd, generator=generator(1, "test"))
    small = small_model.head(hidden)
    monkeypatch.setattr(module, "LARGE_HEAD", 1)
    large = small_model.head(hidden)
    assert large.is_contiguous()
    torch.testing.assert_close(large, small, rtol=0, atol=1e-6)


def test_embeddings_equal_ids(small_model: GPT2, ids: Tensor) -> None:
    assert torch.equal(small_model(inputs_embeds=small_model.embed(ids)), small_model(ids))


@pytest.mark.parametrize("padding", ["no mask", "no padding", "left"])
@pytest.mark.parametrize("prefill", [1, 4])
def test_a_cache_changes_nothing(small_model: GPT2, ids: Tensor, padding: str, prefill: int) -> None:
    mask = MASKS.get(padding)
    cache = KVCache(small_model.config, 3, ids.size(1), small_model.transformer.wte.weight)
    with torch.no_grad():
        whole = small_model(ids, attention_mask=mask)
        parts = [small_model(ids[:, :prefill], attention_mask=mask, cache=cache)]
        for column in range(prefill, ids.size(1)):
            assert cache.length == column
            parts.append(small_model(ids[:, column : column + 1], attention_mask=mask, cache=cache))
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    torch.testing.assert_close(torch.cat(parts, 1)[real], whole[real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("padding", ["no mask", "left"])
def test_a_cache_takes_several_tokens_at_a_time(small_model: GPT2, ids: Tensor, padding: str) -> None:
    mask = MASKS.get(padding)
    cache = KVCache(small_model.config, 3, ids.size(1), small_model.transformer.wte.weight)
    with torch.no_grad():
        parts = [small_model(part, attention_mask=mask, cache=cache) for part in ids.split(3, dim=1)]
        whole = small_model(ids, attention_mask=mask)
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    torch.testing.assert_close(torch.cat(parts, 1)[real], whole[real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("padding", ["no mask", "left", "right"])
def test_attention_under_dropout_equals_the_fused_kernel(
    small_model: GPT2, ids: Tensor, padding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = MASKS.get(padding)
    expected = small_model(ids, attention_mask=mask)
    for block in small_model.blocks():  # a rate that rounds to no element at all takes the manual path
        block.attn.attn_dropout.p = 1e-9
        block.attn.attn_dropout.train()
    set_dropout_stream(small_model, generator(0, "dropout"))
    fused = torch.nn.functional.scaled_dot_product_attention
    calls: list[int] = []
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or fused(*a, **k)
    )
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    torch.testing.assert_close(small_model(ids, attention_mask=mask)[real], expected[real], atol=1e-5, rtol=1e-5)
    assert not calls


def test_attention_dropout_is_active_in_training_mode(small_model: GPT2, ids: Tensor) -> None:
    expected = small_model(ids)
    for block in small_model.blocks():
        block.attn.attn_dropout.train()
    set_dropout_stream(small_model, generator(0, "dropout"))
    assert (small_model(ids) - expected).abs().max() > 0.01


# --- properties


def test_no_token_sees_a_later_one(small_model: GPT2, ids: Tensor) -> None:
    changed = ids.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % 97
    before, after = small_model(ids), small_model(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5], atol=1e-6, rtol=0)
    assert (before[:, 5:] - after[:, 5:]).abs().amax(-1).min() > 1e-3


def test_padding_is_never_looked_at(small_model: GPT2, ids: Tensor) -> None:
    mask = MASKS["left"]
    changed = torch.where(mask.bool(), ids, (ids + 1) % 97)
    real = mask.bool()
    before, after = (small_model(x, attention_mask=mask) for x in (ids, changed))
    assert torch.equal(before[real], after[real])


def test_gradient_flows_into_every_parameter_under_dropout(small_model: GPT2, ids: Tensor) -> None:
    set_dropout_stream(small_model, generator(0, "dropout"))
    small_model.train()(ids).logsumexp(-1).sum().backward()
    for name, parameter in small_model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_init_weights_follow_gpt2(small_config: GPT2Config) -> None:
    model = GPT2(GPT2Config(**{**vars(small_config), "n_embd": 96, "n_layer": 8}))
    model.init_weights(generator(0, "init"))
    block = model.blocks()[3]
    assert model.transformer.wte.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.mlp.c_fc.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.mlp.c_proj.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)  # sqrt(2 * 8) = 4
    assert block.attn.c_proj.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert not block.mlp.c_fc.bias.any()
    assert torch.equal(block.ln_1.weight, torch.ones(96))


def test_init_weights_are_a_function_of_the_stream(small_config: GPT2Config) -> None:
    models = [GPT2(small_config) for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        model.init_weights(generator(seed, "init"))
    first, second, third = (model.transformer.wte.weight for model in models)
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


# --- loading and refusals


def test_from_state_dict_shares_the_tensors(small_model: GPT2, small_config: GPT2Config) -> None:
    state = {name: tensor.detach() for name, tensor in small_model.state_dict().items()}
    model = GPT2.from_state_dict(small_config, state)
    for name, parameter in model.named_parameters():
        assert parameter.data_ptr() == state[name].data_ptr(), name


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.pop("transformer.h.0.ln_1.bias"),
        lambda state: state.update({"transformer.h.0.ln_1.bias": torch.zeros(5)}),
    ],
    ids=["missing", "misshapen"],
)
def test_from_state_dict_refuses_a_bad_tensor(
    small_model: GPT2, small_config: GPT2Config, damage: Callable[[dict[str, Tensor]], object]
) -> None:
    state = dict(small_model.state_dict())
    damage(state)
    with pytest.raises(RuntimeError, match=r"ln_1\.bias"):
        GPT2.from_state_dict(small_config, state)


def test_too_many_tokens_are_refused(small_model: GPT2) -> None:
    limit = small_model.config.n_positions
    assert small_model(torch.zeros(1, limit, dtype=torch.long)).size(1) == limit
    with pytest.raises(ValueError, match=f"{limit + 1} tokens exceed the model's {limit} positions"):
        small_model(torch.zeros(1, limit + 1, dtype=torch.long))


def test_tokens_in_the_cache_count_towards_the_limit(small_model: GPT2) -> None:
    limit = small_model.config.n_positions
    cache = KVCache(small_model.config, 1, limit + 1, small_model.transformer.wte.weight)
    small_model(torch.zeros(1, limit, dtype=torch.long), cache=cache)
    with pytest.raises(ValueError, match="exceed"):
        small_model(torch.zeros(1, 1, dtype=torch.long), cache=cache)


def test_padding_takes_no_position(small_model: GPT2) -> None:
    """Padded to more tokens than the model has positions: only real ones count."""
    limit = small_model.config.n_positions
    real = torch.randint(small_model.config.vocab_size, (1, limit), generator=generator(1, "test"))
    padded, mask = torch.nn.functional.pad(real, (5, 0)), torch.ones(1, limit + 5, dtype=torch.bool)
    mask[:, :5] = False
    torch.testing.assert_close(small_model(padded, attention_mask=mask)[:, 5:], small_model(real))
    mask[:, 4] = True
    with pytest.raises(ValueError, match=f"{limit + 1} tokens exceed the model's {limit} positions"):
        small_model(padded, attention_mask=mask)


@pytest.mark.parametrize("both", [True, False])
def test_ids_and_embeddings_are_alternatives(small_model: GPT2, ids: Tensor, both: bool) -> None:
    with pytest.raises(ValueError, match="either"):
        small_model(ids, inputs_embeds=small_model.embed(ids)) if both else small_model()


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(ValueError, match="n_embd=10 is not a multiple of n_head=3"):
        GPT2Config(n_embd=10, n_head=3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_head", 5.0),
        ("n_head", -5),
        ("n_head", True),
        ("n_layer", 0),
        ("n_inner", 0),
        ("n_positions", "64"),
        ("vocab_size", None),
        ("layer_norm_epsilon", float("nan")),
        ("attn_pdrop", 1.0),
    ],
)
def test_config_values_out_of_bounds_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field}: must be"):
        GPT2Config(**{field: value})


@pytest.mark.parametrize("changes", [{}, {"n_inner": 40}, {"n_layer": 1}])
def test_parameter_shapes_are_the_models(small_config: GPT2Config, changes: dict[str, int]) -> None:
    config = GPT2Config(**{**vars(small_config), **changes})
    state = GPT2(config).state_dict()
    assert list(parameter_shapes(config)) == [(name, tuple(tensor.shape)) for name, tensor in state.items()]


def test_conv1d_is_a_transposed_linear_layer() -> None:
    layer = Conv1D(3, 2)
    layer.weight.data = torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]])
    layer.bias.data = torch.tensor([10.0, 20.0])
    x = torch.tensor([[[1.0, 2.0, 3.0]]])  # 1*1 + 3*3 + 10 = 20 and 1*2 + 2*1 + 20 = 24
    assert torch.equal(layer(x), torch.tensor([[[20.0, 24.0]]]))


# --- bf16


def loss_and_gradients(model: GPT2, ids: Tensor) -> tuple[float, Tensor]:
    """Of the next tokens, as `model.training` computes them: the mean loss, and all gradients in one vector."""
    hidden = model.hidden(ids[:, :-1]).flatten(0, 1)
    loss = linear_cross_entropy(hidden, model.head_weight, ids[:, 1:].flatten(), dtype=model.dtype) / len(hidden)
    grads = torch.autograd.grad(loss, list(model.parameters()))
    assert {grad.dtype for grad in grads} == {torch.float32}
    return loss.item(), torch.cat([grad.flatten() for grad in grads])


def their_loss_and_gradients(model: GPT2LMHeadModel, names: list[str], ids: Tensor) -> tuple[float, Tensor]:
    """transformers under torch's autocast, the usual way to compute in bf16."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(input_ids=ids, labels=ids).loss
    grads = torch.autograd.grad(loss, [dict(model.named_parameters())[name] for name in names])
    return loss.item(), torch.cat([grad.float().flatten() for grad in grads])


@pytest.mark.parametrize("length", [9, 40])
@pytest.mark.parametrize("short", [0, 256], ids=["fused attention", "plain products"])
def test_loss_and_gradients_in_bf16(
    small_config: GPT2Config, length: int, short: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They differ from those in fp32 about as much as autocast's do, by 2 % of the gradient."""
    monkeypatch.setattr(module, "SHORT", short)
    model = random_model(small_config, gain=3)
    ids = torch.randint(small_config.vocab_size, (3, length), generator=generator(2, "test"))
    exact, gradient = loss_and_gradients(model, ids)
    names = [name for name, _ in model.named_parameters()]
    autocast, their_gradient = their_loss_and_gradients(hugging_face(model), names, ids)
    model.compute_in(torch.bfloat16)
    ours, our_gradient = loss_and_gradients(model, ids)
    assert ours != exact
    assert ours == pytest.approx(exact, rel=2e-3)
    assert ours == pytest.approx(autocast, rel=4e-3)
    error, their_error = (our_gradient - gradient).norm(), (their_gradient - gradient).norm()
    assert error < 1.5 * their_error
    assert error < 0.03 * gradient.norm()
    model.compute_in(None)
    again, same = loss_and_gradients(model, ids)
    assert (again, torch.equal(same, gradient)) == (exact, True)


@pytest.mark.parametrize("padding", ["no mask", "left"])
def test_a_cache_in_bf16_holds_what_attention_sees(small_model: GPT2, ids: Tensor, padding: str) -> None:
    mask = MASKS.get(padding)
    small_model.compute_in(torch.bfloat16)
    cache = KVCache(small_model.config, 3, ids.size(1), small_model.transformer.wte.weight, small_model.dtype)
    with torch.no_grad():
        whole = small_model(ids, attention_mask=mask)
        parts = [small_model(part, attention_mask=mask, cache=cache) for part in ids.split([4, 1, 1, 3], dim=1)]
    assert (cache.keys.dtype, cache.values.dtype, whole.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    assert (torch.cat(parts, 1)[real] - whole[real]).norm() < 0.02 * whole[real].norm()
