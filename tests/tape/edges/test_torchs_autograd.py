"""Torch's own autograd and its modes take no part."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.tape.edges.roads import Derivative, close, every_road


@every_road
def test_tensors_that_require_grad_are_plain_values(derivative: Derivative, x: Tensor) -> None:
    x.requires_grad_()
    closed = nn.Parameter(x.detach() + 1)
    gradient = derivative(lambda y: (y * closed * (closed * 1)).sum() + (closed * 2).sum(), x)
    close(gradient, closed.detach() ** 2)
    assert not gradient.requires_grad
    assert x.grad is None
    assert closed.grad is None


@every_road
@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
def test_no_grad_and_inference_mode(derivative: Derivative, guard: Any, x: Tensor) -> None:
    f = lambda x: (x**3).sum()
    with guard():
        close(derivative(f, x), 3 * x**2)
        made_inside = x * 1

    def stopped(x: Any) -> Any:
        with guard():
            constant = x * 2
        return (x * constant).sum()

    close(derivative(stopped, x), 2 * x)
    close(derivative(f, made_inside), 3 * x**2)
