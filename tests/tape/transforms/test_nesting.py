"""Derivatives of derivatives: levels do not mix."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, stop_gradient, value_and_grad, vjp
from tests.tape.transforms.comparison import same


def test_derivatives_of_derivatives() -> None:
    f: Callable[..., Any] = lambda x: x**5
    x = torch.tensor(2.0, dtype=torch.float64)
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0, 0.0):
        f = grad(f)
        assert f(x) == expected


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x * grad(lambda y: x * y)(x), 6.0),
        (lambda x: x * grad(lambda y: x + y)(torch.ones(())), 1.0),
        (lambda x: grad(lambda y: x * y * y)(x), 12.0),
        (lambda x: grad(lambda y: grad(lambda z: x * y * z)(y) * y)(x), 12.0),
        (lambda x: x * grad(lambda y: stop_gradient(x) * y)(x), 3.0),
        (lambda x: grad(lambda y: y * y)(stop_gradient(x)) * x, 6.0),
        (lambda x: grad(lambda y: (lambda z: z * y)(x))(x) * x, 6.0),
    ],
)
def test_levels_do_not_mix(f: Callable[..., Any], expected: float) -> None:
    assert grad(f)(torch.tensor(3.0)) == expected


def test_a_pullback_within_a_function_is_differentiated() -> None:
    def f(x: Any, g: Any) -> Any:
        out, pullback = vjp(torch.sin, x)
        return out + pullback(g)[0]

    x, g = torch.tensor(0.3), torch.tensor(2.0)
    same(grad(f, (0, 1))(x, g), (torch.cos(x) - g * torch.sin(x), torch.cos(x)))


def test_the_value_of_an_inner_level_is_differentiated() -> None:
    def f(x: Any) -> Any:
        (value, aux), gradient = value_and_grad(lambda y: (y**3, y * x), has_aux=True)(x)
        return value + aux + gradient

    assert grad(f)(torch.tensor(2.0)) == 12 + 4 + 12


def test_an_unused_inner_argument_is_zero_and_constant() -> None:
    assert grad(lambda x: x * grad(lambda y: x * x)(x) + x)(torch.tensor(3.0)) == 1


def test_a_level_over_a_pullback_that_was_made_outside(x: Tensor) -> None:
    _, pullback = vjp(lambda x: x**2, x)
    same(grad(lambda g: pullback(g)[0].sum())(x), 2 * x)


def test_a_cotangent_of_an_outer_level_with_a_wrong_shape_is_refused(x: Tensor) -> None:
    _, pullback = vjp(lambda x: x**2, x)
    with pytest.raises(tape.TapeError, match=r"shape \(2,\)"):
        grad(lambda g: pullback(g[:2])[0].sum())(x)
