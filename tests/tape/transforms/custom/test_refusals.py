"""custom_vjp: errors that name the function and the argument."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import custom_vjp, grad, vjp
from tests.tape.transforms.custom.making import close, made


def refusal(bwd: Any, x: Tensor) -> str:
    def f(x: Any, p: Any) -> Any:
        return x * p["w"]

    custom = made(f, bwd=bwd)
    with pytest.raises(tape.TapeError) as caught:
        grad(lambda x, p: custom(x, p).sum(), (0, 1))(x, {"w": x})
    return str(caught.value)


@pytest.mark.parametrize(
    ("pulled", "message"),
    [
        (
            lambda g: (g,),
            "bwd must return a tuple of 2, one cotangent for each differentiable argument, not a tuple of 1",
        ),
        (
            lambda g: [g, {"w": g}],
            "bwd must return a tuple of 2, one cotangent for each differentiable argument, not a list",
        ),
        (
            lambda g: None,
            "bwd must return a tuple of 2, one cotangent for each differentiable argument, not None",
        ),
        (
            lambda g: (g, g),
            "the cotangent of argument 'p' has another structure than the argument: it lacks w",
        ),
        (
            lambda g: (g, {"w": g, "v": g}),
            "the cotangent of argument 'p' has another structure than the argument: it has v besides",
        ),
        (
            lambda g: (g[:1], {"w": g}),
            "the cotangent of argument 'x' has shape (1,) and torch.float64 on cpu; "
            "the argument has shape (3,) and torch.float64 on cpu",
        ),
        (
            lambda g: (g, {"w": g.float()}),
            "the cotangent of argument 'p' at w has shape (3,) and torch.float32 on cpu; "
            "the argument has shape (3,) and torch.float64 on cpu",
        ),
        (
            lambda g: (g, {"w": 0.0}),
            "the cotangent of argument 'p' at w is 0.0; it must be a tensor of shape (3,)",
        ),
    ],
)
def test_what_bwd_returns_must_fit(pulled: Any, message: str, x: Tensor) -> None:
    assert refusal(lambda _, g: pulled(g), x) == f"custom_vjp f: {message}"


def test_arguments_of_a_function_without_a_signature_are_counted(x: Tensor) -> None:
    f = made(torch.mul, bwd=lambda _, g: (g[:1], g))
    with pytest.raises(tape.TapeError, match="custom_vjp mul: the cotangent of argument 0 has shape"):
        grad(lambda x: f(x, x).sum())(x)


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (lambda x: x, r"a tensor of shape \(3,\)"),
        (lambda x: (x, x, x), "a tuple"),
        (list, "a list"),
        (lambda x: [x, None], "a list"),
    ],
)
def test_fwd_returns_a_pair(result: Any, kind: str, x: Tensor) -> None:
    f = made(torch.sin, result, lambda _, g: (g,))
    with pytest.raises(tape.TapeError, match=rf"custom_vjp sin: fwd must return a pair \(out, residuals\), not {kind}"):
        grad(lambda x: f(x).sum())(x)


def test_without_a_rule(x: Tensor) -> None:
    f = custom_vjp(torch.sin)
    close(f(x), torch.sin(x))
    with pytest.raises(tape.TapeError, match=r"custom_vjp sin has no derivative yet; .*\.defvjp\(fwd, bwd\)"):
        grad(lambda x: f(x).sum())(x)


@pytest.mark.parametrize(
    "use",
    [
        lambda w, x, make: make(lambda x: x * w)(x),
        lambda w, x, make: make(lambda x: x * w)(w),
        lambda w, x, make: make(lambda x: w)(w),
        lambda w, x, make: make(lambda x: (x, [w]))(x)[0],
        lambda w, x, make: make(lambda x: torch.cat([x, w]))(x),
        lambda w, x, make: grad(lambda x: make(lambda x: (x * w).sum())(x))(x),
        lambda w, x, make: grad(lambda v: make(lambda y: (y * v).sum())(w))(x),
        lambda w, x, make: vjp(lambda v: make(lambda y: v)(w * v), x)[0],
    ],
)
def test_a_value_that_is_closed_over_is_refused(use: Any, x: Tensor) -> None:
    make = lambda f: made(f, bwd=lambda _, g: (g,))
    with pytest.raises(
        tape.TapeError, match=r"^custom_vjp <lambda> uses .* not among its arguments, .* pass it as an argument"
    ):
        grad(lambda w: use(w, x, make).sum())(x)


def test_constants_that_are_closed_over_are_welcome(x: Tensor) -> None:
    f = made(lambda y: x * y, bwd=lambda _, g: (g * x,))
    close(grad(lambda y: f(y).sum())(x + 1), x)
    close(grad(lambda w: (made(lambda y: x * y + grad(torch.sum)(y), bwd=lambda _, g: (g * x,))(w)).sum())(x), x)


def test_a_value_that_bwd_closes_over_is_refused(x: Tensor) -> None:
    def outer(w: Any) -> Any:
        return made(torch.sin, lambda x: (torch.sin(x), None), lambda _, g: (g * w,))(w).sum()

    with pytest.raises(tape.TapeError, match="has ended"):
        grad(outer)(x)


def test_a_value_of_an_ended_level(x: Tensor) -> None:
    kept: list[Any] = []
    grad(lambda x: (kept.append(x), x.sum())[1])(x)
    with pytest.raises(tape.TapeError, match="custom_vjp sin got a traced value whose transformation has ended"):
        made(torch.sin, bwd=lambda _, g: (g,))(kept[0])


def test_an_exception_in_bwd_names_it(x: Tensor) -> None:
    def bwd(_: Any, g: Any) -> Any:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        grad(lambda x: made(torch.sin, bwd=bwd)(x).sum())(x)
    assert any("custom_vjp sin" in note for note in caught.value.__notes__)
