"""dtypes of gradients, and broadcasting and promotion undone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tape import grad, value_and_grad, vjp


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_gradients_have_the_arguments_dtype(dtype: torch.dtype) -> None:
    x = torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=dtype)

    def f(x: Any) -> Any:
        smooth = torch.sigmoid(x @ x) + torch.exp(-x * x)
        return (smooth.max(1).values.sum() + torch.relu(x).mean() + (x**2).sum() / 2 + x.std()).float()

    value, gradient = value_and_grad(f)(x)
    assert value.dtype == torch.float32
    assert gradient.dtype == dtype
    reference = grad(lambda x: f(x))(x.double())
    tolerance = {torch.float64: 1e-6, torch.float32: 1e-5, torch.bfloat16: 0.05, torch.float16: 0.01}[dtype]
    torch.testing.assert_close(gradient.double(), reference, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "f",
    [
        torch.add,
        torch.sub,
        torch.mul,
        torch.div,
        torch.maximum,
        torch.atan2,
        lambda x, y: torch.pow(x, y),
        lambda x, y: torch.remainder(x, y),
        lambda x, y: torch.where(x > y, x, y),
        lambda x, y: torch.lerp(x.to(y.dtype), y, 0.25),
    ],
)
@pytest.mark.parametrize(
    ("left", "right"),
    [((), ()), ((), (2, 3)), ((2, 3), ()), ((2, 1), (3,)), ((1,), (2, 3)), ((0, 1), (3,)), ((2, 3), (1, 3))],
)
@pytest.mark.parametrize(
    ("x_dtype", "y_dtype"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float64),
        (torch.float64, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_broadcasting_and_promotion_are_undone(
    f: Callable[..., Any],
    left: tuple[int, ...],
    right: tuple[int, ...],
    x_dtype: torch.dtype,
    y_dtype: torch.dtype,
) -> None:
    x = (torch.rand(left, generator=torch.Generator().manual_seed(0)) + 0.5).to(x_dtype)
    y = (torch.rand(right, generator=torch.Generator().manual_seed(1)) + 0.7).to(y_dtype)
    out, pullback = vjp(f, x, y)
    g = torch.rand(out.shape, generator=torch.Generator().manual_seed(2)).to(out.dtype)
    required = [x.clone().requires_grad_(), y.clone().requires_grad_()]
    expected_out = f(*required)
    expected = torch.autograd.grad(expected_out, required, g)
    torch.testing.assert_close(out, expected_out.detach())
    for actual, wanted in zip(pullback(g), expected, strict=True):
        assert actual.dtype == wanted.dtype
        tolerance = 0.05 if torch.bfloat16 in (x_dtype, y_dtype) else 1e-4
        torch.testing.assert_close(actual, wanted, rtol=tolerance, atol=tolerance)
