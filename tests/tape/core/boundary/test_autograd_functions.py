"""Torch's own autograd functions keep traced values out, and are as they were without them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import tape
from tape import TapeError, grad

X = torch.tensor([0.3, 1.6])


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.round()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0]


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(x: Any, by: float) -> Any:
        return x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.by = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return -ctx.by * grads[0], None


class WithAClosure(torch.autograd.Function):
    closed_over: Any = None

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Any:
        return WithAClosure.closed_over * x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0]


def of_a_closure(x: Any) -> Any:
    WithAClosure.closed_over = x
    return WithAClosure.apply(torch.ones(2)).sum()


@pytest.mark.parametrize(
    "f", [lambda x: StraightThrough.apply(x).sum(), lambda x: Reversed.apply(x, 1.0).sum(), of_a_closure]
)
@pytest.mark.parametrize("transformed", [grad, lambda f: grad(lambda x: grad(f)(x).sum()), tape.jacrev])
def test_a_function_of_torchs_autograd_says_what_to_write(f: Any, transformed: Any) -> None:
    with pytest.raises(TapeError, match=r"\.apply .*custom_vjp"):
        transformed(f)(X)


def test_what_it_says_to_write_is_right() -> None:
    assert grad(lambda x: (x + tape.stop_gradient(x.round() - x)).sum())(X).tolist() == [1, 1]


@pytest.mark.filterwarnings("ignore:torch.utils.checkpoint")
@pytest.mark.filterwarnings("ignore:None of the inputs")
@pytest.mark.parametrize("options", [{}, {"use_reentrant": True}])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, **options: checkpoint(torch.sin, x, **options).sum(),
        lambda x, **options: checkpoint(lambda y: (x * y).sum(), torch.ones(2), **options),
        lambda x, **options: checkpoint_sequential([torch.sin, torch.cos], 2, x, **options).sum(),
    ],
)
def test_a_reentrant_checkpoint_says_what_to_write(f: Any, options: dict[str, Any]) -> None:
    with pytest.raises(TapeError, match=r"tape\.checkpoint\(f\)\(x\)"):
        grad(lambda x: f(x, **options))(X)


def test_a_checkpoint_that_is_not_reentrant_is_differentiated() -> None:
    torch.testing.assert_close(grad(lambda x: checkpoint(torch.sin, x, use_reentrant=False).sum())(X), torch.cos(X))


def test_without_traced_values_torchs_autograd_is_as_it_was() -> None:
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(Reversed.apply(StraightThrough.apply(x), 2.0).sum(), x)
    assert gradient.tolist() == [-2, -2]
    assert grad(lambda y: (y * StraightThrough.apply(X)).sum())(X).tolist() == [0, 2]


def test_a_gradient_inside_such_a_function_is_a_matter_of_its_own() -> None:
    class Inside(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            def f(y: Any) -> Any:
                with torch.no_grad():
                    scale = y * 2
                return (scale * y).sum()

            return grad(f)(x)

    assert torch.equal(Inside.apply(X), 2 * X)
    assert torch.equal(grad(lambda x: (x * Inside.apply(X)).sum())(X), 2 * X)


def test_after_such_a_function_a_value_is_used_without_gradients_as_before() -> None:
    class Failing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            StraightThrough.apply(x)
            raise ZeroDivisionError

    def f(x: Any) -> Any:
        StraightThrough.apply(X)
        with suppress(ZeroDivisionError):
            Failing.apply(X)
        with torch.no_grad():
            scale = x * 2
        return (x * scale).sum()

    assert grad(f)(X).equal(2 * X)


def test_a_thread_that_ran_no_such_function_uses_values_without_gradients() -> None:
    def f(x: Any) -> Any:
        with torch.no_grad():
            scale = x * 2
        return (x * scale).sum()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(grad(f), X).result().equal(2 * X)


def test_around_a_function_inside_another_the_outer_one_still_refuses() -> None:
    class Outer(torch.autograd.Function):
        closed_over: Any = None

        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            return StraightThrough.apply(x) * Outer.closed_over

    def f(x: Any) -> Any:
        Outer.closed_over = x
        return Outer.apply(torch.ones(2)).sum()

    with pytest.raises(TapeError, match=r"Outer\.apply"):
        grad(f)(X)


def test_a_keyword_is_handed_to_torch() -> None:
    assert torch.equal(StraightThrough.apply(x=X), X.round())


@pytest.mark.parametrize("method", ["backward", "register_hook", "retain_grad"])
def test_torchs_autograd_on_a_traced_value_says_what_to_write(method: str) -> None:
    with pytest.raises(TapeError, match=rf"{method} .*tape\.grad"):
        grad(lambda x: getattr(x.sum(), method)(lambda g: g))(X)
