"""Values that come from outside a transformation or leave it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tape
from tape import TapeError, checkpoint, functional_call, grad, vjp
from tests.tape.edges.roads import Derivative, close, every_road


@every_road
def test_a_traced_value_that_escapes(derivative: Derivative, x: Tensor) -> None:
    escaped: list[Any] = []
    derivative(lambda x: (escaped.append(x * 1), x.sum())[1], x)
    uses: list[Callable[[Any], Any]] = [
        lambda y: y * escaped[-1].sum(),
        lambda y: escaped[-1].sum() + y,
        lambda y: torch.cat([y.reshape(1), escaped[-1]]).sum(),
        lambda y: escaped[-1],
        lambda y: (y, {"kept": escaped[-1]}),
        lambda y: checkpoint(lambda: escaped[-1] * y)().sum(),
        lambda y: checkpoint(torch.sin)(escaped[-1]).sum(),
        lambda y: vjp(torch.sin, escaped[-1])[0].sum(),
    ]
    for use in uses:
        with pytest.raises(TapeError, match="has ended"):
            vjp(use, torch.ones((), dtype=torch.float64))
    # What has ended still is a number for whoever looks at it.
    assert float(tape.stop_gradient(escaped[-1]).sum()) == float(escaped[-1].detach().sum())


@every_road
def test_closures_over_a_value_of_an_outer_level(derivative: Derivative, x: Tensor) -> None:
    def f(x: Any) -> Any:
        # The derivative of x² y by y, at y = x: x²; the outer level sees all of it.
        return (derivative(lambda y: (x * x * y).sum(), x.detach()) * x).sum()

    close(grad(f)(x), 3 * x**2)


@every_road
def test_random_generators(derivative: Derivative, x: Tensor) -> None:
    def f(x: Any) -> Any:
        generator = torch.Generator().manual_seed(3)
        return (x * torch.rand(3, generator=generator, dtype=torch.float64)).sum()

    expected = torch.rand(3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    close(derivative(f, x), expected)


def test_module_state(x: Tensor) -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
            self.w = nn.Parameter(torch.ones(3, dtype=torch.float64))
            self.last: Any = None

        def forward(self, x: Any) -> Any:
            self.calls += 1
            self.last = x * self.w
            return self.last.sum()

    module = Counting()
    close(grad(lambda p: functional_call(module, p, x))({"w": x})["w"], x)
    assert module.calls == 1
    assert type(module.w) is nn.Parameter
    with pytest.raises(TapeError, match="has ended"):
        module.last * 2
