"""torch's vmap over gradients and pullbacks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import vmap

import tape
from tape import grad, value_and_grad, vjp
from tests.tape.transforms.comparison import same


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: (torch.sin(x) * torch.exp(w) / (1 + x**2)).sum(),
        lambda x, w: torch.sigmoid(x @ w @ x.mT).sum(),
        lambda x, w: (x[0] * w[:, 1]).sum() + (x[[0, 1, 0]] ** 2).sum() + x[..., :2].sum(),
        lambda x, w: torch.cat([x, w.T * 2, x * w]).square().sum(),
        lambda x, w: torch.stack([x, w]).std(),
        lambda x, w: x.max() * w.amax(0).sum() + (x.max(1).values * w.sort(0).values).sum(),
        lambda x, w: x.topk(2).values.sum() + x.median() * w.median(1).values.sum(),
        lambda x, w: torch.logsumexp(x * w, 0).sum() + x.cumsum(1).square().sum(),
        lambda x, w: torch.where(x > w, x * w, x - w).clamp(-0.5, 0.5).square().sum(),
        lambda x, w: torch.maximum(x, w).relu().sum() + x.abs().pow(w.abs()).sum(),
        lambda x, w: torch.nn.functional.pad(x, (1, 2, 0, 1)).roll(1, 0).square().mul(2).sum(),
        lambda x, w: x.repeat_interleave(2, 1).tile(2, 1).flip(0).tril().square().sum(),
        lambda x, w: torch.nn.functional.unfold(x[None, None], 2).square().sum(),
        lambda x, w: torch.nn.functional.fold(x.reshape(1, 1, 9), (3, 3), 1).square().sum(),
        lambda x, w: (tape.ops.patches.windows(x[None, :, :, None], kernel_size=(2, 2)) * w[0, 0]).square().sum(),
        lambda x, w: tape.ops.patches.add_windows(x.reshape(1, 1, 1, 3, 3, 1), size=(4, 4)).square().sum(),
        lambda x, w: torch.gather(x, 1, torch.tensor([[0, 1], [2, 2], [1, 0]])).square().sum() + w.sum(),
        lambda x, w: torch.index_put(x, (torch.tensor([0]),), w[1]).square().sum(),
        lambda x, w: torch.index_add(x, 0, torch.tensor([0, 0, 2]), w).square().sum(),
        lambda x, w: grad(lambda y: (y**3 * w).sum())(x).sum(),
    ],
)
def test_vmap_over_grad_gives_per_sample_gradients(f: Callable[..., Any]) -> None:
    xs = torch.rand(4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 0.5
    w = torch.rand(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for transformation in (grad(f, (0, 1)), value_and_grad(f, (0, 1))):
        expected = [transformation(x, w) for x in xs]
        same(
            vmap(transformation, in_dims=(0, None))(xs, w),
            tape.tree.map(lambda *samples: torch.stack(samples), *expected),
        )


def test_vmap_over_a_pullback(x: Tensor) -> None:
    _, pullback = vjp(lambda x: x.cumsum(0) * x, x)
    jacobian = vmap(lambda g: pullback(g)[0])(torch.eye(3, dtype=x.dtype))
    expected = torch.autograd.functional.jacobian(lambda x: x.cumsum(0) * x, x)
    same(jacobian, expected)
