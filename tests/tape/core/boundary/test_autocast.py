"""`torch.autocast` inside and around a differentiated function: torch's values, gradients and dtypes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import tape
from tape import grad

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
W = torch.rand(4, 5, generator=torch.Generator().manual_seed(1)) - 0.5
HALF = [torch.bfloat16, torch.float16]

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "matmul": lambda x, w: x @ w,
    "linear": lambda x, w: F.linear(x, w.t(), torch.ones(5)),
    "a layer and a loss": lambda x, w: F.cross_entropy(torch.relu(x @ w), torch.tensor([0, 1, 2])),
    "promoted": lambda x, w: x @ w + torch.ones(5),
    "elementwise": lambda x, w: torch.sin(x) * w.sum(),
    "two layers": lambda x, w: torch.tanh(x @ w) @ w.t(),
}


def under(dtype: torch.dtype, f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(x: Any, w: Any) -> Any:
        with torch.autocast("cpu", dtype=dtype):
            return f(x, w)

    return run


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_torchs(name: str, dtype: torch.dtype) -> None:
    f = under(dtype, FUNCTIONS[name])
    required = [x.clone().requires_grad_() for x in (X, W)]
    expected = f(*required)
    expected_grads = torch.autograd.grad(expected.float().sum(), required)
    value, pullback = tape.vjp(f, X, W)
    grads = pullback(torch.ones_like(value))
    torch.testing.assert_close(value.float(), expected.detach().float(), rtol=0.03, atol=0.03)
    torch.testing.assert_close(grads, expected_grads, rtol=0.05, atol=0.05)
    assert all(g.dtype is torch.float32 for g in grads)


@pytest.mark.parametrize("name", ["matmul", "promoted", "elementwise", "two layers"])
def test_what_primitives_give_has_torchs_dtype(name: str) -> None:
    f = under(torch.bfloat16, FUNCTIONS[name])
    assert tape.vjp(f, X, W)[0].dtype is f(X, W).dtype


def test_autocast_around_the_transformation() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        gradient = grad(lambda x: (x @ W).float().sum())(X)
    torch.testing.assert_close(gradient, W.sum(1).expand(3, 4), rtol=0.03, atol=0.03)


def test_second_order() -> None:
    second = grad(
        lambda x: grad(lambda x: under(torch.bfloat16, lambda x, w: ((x @ w) ** 3).float().sum())(x, W))(x).sum()
    )
    exact = grad(lambda x: grad(lambda x: ((x @ W) ** 3).sum())(x).sum())
    torch.testing.assert_close(second(X), exact(X), rtol=0.1, atol=0.1)


def test_in_a_checkpoint() -> None:
    f = under(torch.bfloat16, lambda x, w: tape.checkpoint(lambda x: torch.tanh(x @ w))(x).float().sum())
    plain = under(torch.bfloat16, lambda x, w: torch.tanh(x @ w).float().sum())
    torch.testing.assert_close(grad(f)(X, W), grad(plain)(X, W))


def test_without_autocast_nothing_is_converted() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pass
    program = tape.trace(lambda x: x @ W)(X)
    assert [step.op for step in program.steps] == ["matmul"]


def test_rules_run_without_autocast() -> None:
    value, pullback = tape.vjp(lambda x: torch.tanh(x @ W), X)
    expected = pullback(torch.ones_like(value))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert pullback(torch.ones_like(value))[0].equal(expected[0])
        assert torch.is_autocast_enabled("cpu")
