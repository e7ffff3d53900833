"""The judge of these tests: torch's own autograd."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape


@pytest.fixture
def agrees_with_torch() -> Callable[..., None]:
    """Checks value, gradient and the gradient of its squares, in float64."""

    def check(f: Callable[..., Any], *inputs: Tensor, second: bool = True) -> None:
        required = [x.clone().requires_grad_() for x in inputs]
        expected = f(*required)
        out, pullback = tape.vjp(f, *inputs)
        torch.testing.assert_close(out, expected.detach())
        g = torch.linspace(0.5, 2, expected.numel(), dtype=expected.dtype).reshape(expected.shape)
        gradients = torch.autograd.grad(expected, required, g, create_graph=True, materialize_grads=True)
        torch.testing.assert_close(pullback(g), tuple(gradient.detach() for gradient in gradients))
        if second:
            squares = sum(gradient.square().sum() for gradient in gradients)
            wanted = (
                torch.autograd.grad(squares, required, materialize_grads=True)
                if isinstance(squares, Tensor) and squares.requires_grad
                else tuple(torch.zeros_like(x) for x in inputs)
            )

            def of_squares(*inputs: Any) -> Any:
                _, pullback = tape.vjp(f, *inputs)
                return sum(gradient.square().sum() for gradient in pullback(g))

            torch.testing.assert_close(tape.grad(of_squares, tuple(range(len(inputs))))(*inputs), wanted)

    return check


@pytest.fixture
def doubles() -> Callable[..., Tensor]:
    """A float64 tensor of some numbers."""
    return lambda *numbers: torch.tensor(numbers, dtype=torch.float64)
