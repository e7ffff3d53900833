import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape

ORDERS = [0, 0.5, 1, 1.5, 2, 3, math.inf, -math.inf]


@pytest.mark.parametrize("ord", ORDERS)
def test_a_norm_of_zeros_has_the_derivative_0(ord: float, doubles: Callable[..., Tensor]) -> None:
    for x in (doubles(0), doubles(0, 0)):
        value, gradient = tape.value_and_grad(lambda x: torch.linalg.vector_norm(x, ord))(x)
        assert value == 0
        torch.testing.assert_close(gradient, torch.zeros_like(x))
    norm_gradient = tape.grad(lambda x: torch.linalg.vector_norm(x, ord))
    assert torch.isfinite(tape.grad(lambda x: norm_gradient(x).sum())(doubles(0, 0))).all()


@pytest.mark.parametrize("ord", [*ORDERS, -1.5])
def test_norms(ord: float, agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(lambda x: torch.linalg.vector_norm(x, ord), doubles(1, -2, 3, -3))


@pytest.mark.parametrize("ord", [0.5, 1, 1.5, 3, math.inf])
def test_zeros_among_others(ord: float, agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(lambda x: torch.linalg.vector_norm(x, ord), doubles(0, -2, 3), second=False)


def test_normalize_of_zeros_is_finite(doubles: Callable[..., Tensor]) -> None:
    gradient = tape.grad(lambda x: F.normalize(x, dim=0).sum())(doubles(0, 0))
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.linalg.matrix_norm(x, 2),
        lambda x: torch.linalg.matrix_norm(x, "nuc"),
        lambda x: torch.norm(x, "nuc"),
        lambda x: torch.linalg.norm(x, 2),
        lambda x: torch.linalg.norm(x[None], 2),
        lambda x: torch.linalg.matrix_norm(x, dim=(0, 0)),
        lambda x: F.triplet_margin_loss(x, x, x, margin=0.0),
    ],
)
def test_what_needs_singular_values_or_makes_no_sense_is_refused(f: Any) -> None:
    with pytest.raises((NotImplementedError, ValueError), match=r"norm|margin"):
        tape.vjp(f, torch.ones(2, 2))


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, math.inf])
def test_the_tape_of_cdist_is_as_large_as_rows_and_result(p: float) -> None:
    x, y = torch.rand(30, 20), torch.rand(40, 20)
    kept = tape.trace(lambda x, y: torch.cdist(x, y, p))(x, y).residual_bytes
    assert kept <= (30 * 20 + 40 * 20 + 30 * 40) * 4


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, math.inf])
def test_cdist_is_torchs_for_every_p(p: float, agrees_with_torch: Callable[..., None]) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(2, n, 3, generator=generator, dtype=torch.float64) for n in (4, 5))
    y[:, 0] = x[:, 0]
    agrees_with_torch(lambda x, y: torch.cdist(x, y, p), x, y, second=False)
