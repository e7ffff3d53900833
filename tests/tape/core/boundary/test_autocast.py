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


@pytest.mark.parametrize("dtype", HALF)
def test_a_checkpoint_runs_again_under_the_same_dtype(dtype: torch.dtype) -> None:
    inner = tape.checkpoint(lambda x: torch.tanh(x @ W))
    f = under(dtype, lambda x, w: inner(x).float().sum())
    plain = under(dtype, lambda x, w: torch.tanh(x @ w).float().sum())
    assert grad(f)(X, W).equal(grad(plain)(X, W))


def ops(f: Callable[[Any], Any], x: Any, dtype: torch.dtype = torch.bfloat16) -> list[str]:
    with torch.autocast("cpu", dtype=dtype):
        return [step.op for step in tape.trace(f)(x).steps]


def test_what_is_converted_is_recorded_and_nothing_else() -> None:
    assert ops(lambda x: x @ W, X) == ["convert", "matmul"]
    assert ops(lambda x: x.bfloat16() @ W, X) == ["convert", "matmul"]
    assert ops(torch.sin, X) == ["sin"]
    assert ops(lambda x: x[1:2], X) == ["index"]


@pytest.mark.parametrize("f", [torch.sin, lambda x: x @ x.mT, lambda x: torch.cat([x, X])])
def test_the_dtype_is_found_for_each_dtype_of_autocast_and_of_the_arguments(f: Callable[[Any], Any]) -> None:
    for dtype in (*HALF, *HALF):
        for x in (X, X.double(), X.bfloat16(), X.half()):
            with torch.autocast("cpu", dtype=dtype):
                try:
                    expected = f(x).dtype
                except RuntimeError:  # torch joins no float64 there
                    continue
                assert tape.vjp(f, x)[0].dtype is expected


def test_arguments_that_go_together_only_after_conversion() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, pullback = tape.vjp(lambda x: x @ W.bfloat16(), X)
        assert value.equal(X @ W.bfloat16())
    assert pullback(torch.ones_like(value))[0].dtype is torch.float32


def ruled(function: Callable[..., Any]) -> Any:
    primitive = tape.primitive(function)
    primitive.defvjp(x=None)
    return primitive


def test_what_a_primitive_is_told_by_keyword_is_part_of_the_choice() -> None:
    @ruled
    def product_or_sine(x: Any, *, product: bool) -> Any:
        return x @ x.mT if product else torch.sin(x)

    for product in (False, True, False):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = tape.vjp(lambda x, p=product: product_or_sine(x, product=p), X)[0]
        assert value.dtype is (torch.bfloat16 if product else torch.float32)


def test_the_first_floating_point_output_says_the_dtype() -> None:
    seen: list[Any] = []

    @ruled
    def named(x: Any) -> Any:
        seen.append(x.dtype)
        return "name", x.argmax(), x @ x.mT

    @ruled
    def counted(x: Any) -> Any:
        return (x @ x.mT).argmax()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        tape.vjp(lambda x: named(x)[2], X)
        assert tape.vjp(lambda x: (counted(x), x)[1], X)[0].equal(X)
    assert seen[-1] is torch.bfloat16


def test_integers_and_numbers_are_not_converted() -> None:
    @ruled
    def picked(x: Any, index: Any, factor: Any) -> Any:
        assert index.dtype is torch.int64
        assert factor == 2.0
        return (x @ x.mT)[index] * factor

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert tape.vjp(lambda x: picked(x, torch.tensor([1, 0]), 2.0), X)[0].dtype is torch.bfloat16


def test_the_dtypes_in_a_list_are_part_of_the_choice() -> None:
    @ruled
    def product(x: Any) -> Any:
        return x[0] @ x[1]

    for x, dtype in ((X, torch.bfloat16), (X.double(), torch.float64), (X, torch.bfloat16)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert tape.vjp(lambda x: product([x, x.mT]), x)[0].dtype is dtype


def test_the_choice_is_made_once() -> None:
    from tape.core.boundary.autocast import _chosen

    for _ in range(2):
        ops(lambda x: x @ W, X)
        count = len(_chosen)
    ops(lambda x: (x @ W).sum(0), X)
    again = len(_chosen)
    ops(lambda x: (x @ W).sum(0), X)
    assert count <= again == len(_chosen)


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
