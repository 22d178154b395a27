"""AdamW compared with torch.optim.AdamW and with hand-computed values."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from model.optim.adamw import AdamW, adamw_update
from model.rng import generator

SETTINGS: list[dict[str, Any]] = [
    {"lr": 1e-3},
    {"lr": 5e-2, "weight_decay": 0.1},
    {"lr": 1e-4, "weight_decay": 1.0},
    {"lr": 1e-2, "betas": (0.5, 0.9)},
    {"lr": 1e-2, "betas": (0.0, 0.99), "weight_decay": 0.01},
    {"lr": 1e-3, "betas": (0.95, 0.95), "eps": 1e-3},
]


def run(optimizer: Callable[..., torch.optim.Optimizer], steps: int = 100, **settings: Any) -> list[Tensor]:
    """Parameters of two shapes after `steps` noisy steps over an ill-conditioned bowl."""
    rng = generator(0, "test")
    params = [torch.randn(shape, generator=rng).requires_grad_() for shape in [(4, 3), (7,)]]
    opt = optimizer(params, **settings)
    for _ in range(steps):
        opt.zero_grad()
        for param in params:
            scale = torch.logspace(-3, 1, param.numel()).view_as(param)
            param.grad = scale * param.detach() + 0.1 * torch.randn(param.shape, generator=rng)
        opt.step()
    return [param.detach() for param in params]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_hundred_steps_equal_torch(settings: dict[str, Any]) -> None:
    theirs = run(torch.optim.AdamW, **{"weight_decay": 0.0, **settings})
    for mine, expected in zip(run(AdamW, **settings), theirs, strict=True):
        torch.testing.assert_close(mine, expected, atol=1e-6, rtol=0)


def test_it_is_bitwise_deterministic() -> None:
    settings = {"lr": 1e-2, "weight_decay": 0.1}
    assert all(torch.equal(a, b) for a, b in zip(run(AdamW, **settings), run(AdamW, **settings), strict=True))


def test_it_converges_on_rosenbrocks_valley() -> None:
    point = torch.tensor([-1.0, 1.5], requires_grad=True)
    optimizer = AdamW([point], lr=1e-2)
    for _ in range(1500):
        optimizer.zero_grad()
        ((1 - point[0]) ** 2 + 5 * (point[1] - point[0] ** 2) ** 2).backward()
        optimizer.step()
    torch.testing.assert_close(point.detach(), torch.ones(2), atol=1e-2, rtol=0)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_first_step_is_lr_times_the_gradient_sign(factor: float) -> None:
    param = torch.zeros(3, requires_grad=True)
    param.grad = factor * torch.tensor([1.0, -2.0, 3.0])
    AdamW([param], lr=0.1).step()
    torch.testing.assert_close(param.detach(), torch.tensor([-0.1, 0.1, -0.1]), rtol=1e-4, atol=0)


def test_two_steps_by_hand() -> None:
    """Gradients 1 then 3, betas (.5, .5), lr .1, decay .2, theta 2.

    t=1: theta 2*(1-.02) = 1.96; m .5, v .5; hats 1, 1; theta 1.86.
    t=2: theta 1.86*.98 = 1.8228; m 1.75, v 4.75; hats 1.75/.75, 4.75/.75; theta 1.8228 - .1*(7/3)/sqrt(19/3).
    """
    theta, m, v = torch.tensor([2.0]), torch.zeros(1), torch.zeros(1)
    settings: dict[str, Any] = {"lr": 0.1, "betas": (0.5, 0.5), "eps": 0.0, "weight_decay": 0.2}
    adamw_update([theta], [torch.tensor([1.0])], [m], [v], 1, **settings)
    assert theta.item() == pytest.approx(1.86)
    adamw_update([theta], [torch.tensor([3.0])], [m], [v], 2, **settings)
    assert (m.item(), v.item()) == pytest.approx((1.75, 4.75))
    assert theta.item() == pytest.approx(1.8228 - 0.1 * (7 / 3) / (19 / 3) ** 0.5)


def test_decay_does_not_go_through_the_averages() -> None:
    param = torch.tensor([4.0], requires_grad=True)
    param.grad = torch.zeros(1)
    optimizer = AdamW([param], lr=0.1, weight_decay=0.5)
    optimizer.step()
    assert param.item() == pytest.approx(4 * 0.95)
    assert not optimizer.state[param]["exp_avg_sq"].any()


def test_a_parameter_without_gradient_is_left_alone() -> None:
    used, unused = (torch.ones(1, requires_grad=True) for _ in range(2))
    used.grad = torch.ones(1)
    optimizer = AdamW([used, unused], lr=0.1, weight_decay=0.5)
    optimizer.step()
    assert unused.item() == 1
    assert unused not in optimizer.state


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"lr": 0.0}, "lr must be above 0"), ({"lr": -1.0}, "lr"), ({"betas": (0.9, 1.0)}, "betas must lie in")],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdamW([torch.ones(1, requires_grad=True)], **settings)


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="closure"):
        AdamW([torch.ones(1, requires_grad=True)]).step(lambda: 0.0)
