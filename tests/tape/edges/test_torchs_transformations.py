"""torch.func.vmap goes around any of ours; ours do not go around torch's."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.fx.experimental.proxy_tensor import make_fx

from tape import TapeError, checkpoint, custom_vjp, functional_call, grad, hessian, hvp, jvp
from tests.tape.edges.roads import Derivative, close, every_road


@every_road
def test_vmap_over_any(derivative: Derivative, x: Tensor) -> None:
    f = lambda x: (torch.sin(x) * x.cumsum(0)).sum()
    rows = torch.stack([x, x + 1, -x])
    close(vmap(lambda x: derivative(f, x))(rows), torch.stack([derivative(f, row) for row in rows]))


def test_vmap_over_custom_vjp(x: Tensor) -> None:
    double = custom_vjp(lambda x: x * 2)
    double.defvjp(lambda x: (double(x), x), lambda x, g: (g * x,))
    rows = torch.stack([x, x + 1])
    close(vmap(grad(lambda x: double(x).sum()))(rows), rows)


def test_vmap_inside_is_refused_by_torch(x: Tensor) -> None:
    for f in (lambda x: vmap(torch.sin)(x).sum(), lambda w: vmap(lambda row: row * w)(torch.ones(2, 3)).sum()):
        with pytest.raises(ValueError, match=r"vmap\("):
            grad(f)(x)


def test_torchs_derivatives_inside_are_refused(x: Tensor) -> None:
    with pytest.raises(ValueError, match="must be Tensor"):
        grad(lambda x: torch.func.grad(lambda y: y.sum())(x).sum())(x)
    with pytest.raises(TapeError, match="grad has no derivative rule"):
        grad(lambda x: torch.autograd.grad(x.sum(), x)[0])(x)
    with pytest.raises(TapeError, match=r"Tensor\.backward has no derivative rule"):
        grad(lambda x: x.sum().backward())(x)


def test_our_derivatives_are_constants_to_torchs(x: Tensor) -> None:
    """Inputs that require grad are used as plain values, also torch.func's."""
    close(torch.func.grad(lambda x: grad(lambda y: (y**3).sum())(x).sum())(x), torch.zeros_like(x))


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
@pytest.mark.parametrize(
    "transformed",
    [
        grad(lambda x: (torch.sin(x) * x).sum()),
        grad(lambda x: grad(lambda y: (x * y**2).sum())(x).sum()),
        grad(checkpoint(lambda x: torch.exp(x).sum())),
        hessian(lambda x: (torch.sin(x) * x).sum()),
        lambda x: jvp(torch.sin, (x,), (x * 2,))[1],
        lambda x: hvp(lambda x: (x**3).sum(), (x,), (x,))[0],
    ],
)
def test_make_fx_gives_the_program_of_a_derivative(mode: str, transformed: Any, x: Tensor) -> None:
    program = make_fx(transformed, tracing_mode=mode)(x)
    close(program(x + 1), transformed(x + 1))
    assert all("tape" not in str(node.target) for node in program.graph.nodes)


def test_modules_are_called_by_our_functional_call(x: Tensor) -> None:
    module = nn.Linear(3, 1).double()
    params = {name: p.detach() for name, p in module.named_parameters()}
    with pytest.raises(TypeError, match=r"is not an instance of torch.Tensor"):
        grad(lambda p: torch.func.functional_call(module, p, x).sum())(params)
    close(grad(lambda p: functional_call(module, p, x).sum())(params)["weight"], x[None])
