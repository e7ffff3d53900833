"""Elementwise functions over the whole range of each dtype."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from tests.tape.ops.hard_numbers.beside_float64 import DTYPES, no_worse_than_torch, numbers, pairs

ONE = (
    "abs exp expm1 exp2 log log1p log2 log10 sqrt rsqrt reciprocal square sin cos tan asin acos atan sinh cosh tanh "
    "asinh acosh atanh erf erfc erfinv sigmoid relu lgamma digamma logit special.entr special.ndtr frac deg2rad "
    "nn.functional.logsigmoid nn.functional.softplus nn.functional.leaky_relu nn.functional.elu nn.functional.selu "
    "nn.functional.celu nn.functional.gelu nn.functional.silu nn.functional.mish nn.functional.hardtanh "
    "nn.functional.hardswish nn.functional.softsign nn.functional.tanhshrink "
    "nn.functional.softshrink nn.functional.hardshrink"
)
TWO = "add sub mul div atan2 maximum minimum fmax fmin fmod remainder xlogy copysign"


def named(path: str) -> Callable[..., Any]:
    found: Any = torch
    for name in path.split("."):
        found = getattr(found, name)
    assert callable(found)
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ONE.split())
def test_of_one_number(name: str, dtype: torch.dtype) -> None:
    no_worse_than_torch(named(name), numbers(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO.split())
def test_of_two_numbers(name: str, dtype: torch.dtype) -> None:
    no_worse_than_torch(named(name), *pairs(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: F.softplus(x, 0.1),
        lambda x: F.elu(x, 2.0),
        lambda x: F.celu(x, 0.5),
        lambda x: x**2,
        lambda x: x**-1.5,
        lambda x: 2.0**x,
        lambda x: 3.0 / x,
        lambda x: torch.ldexp(x, torch.tensor(10)),
        lambda x: torch.remainder(x, 3.0),
        lambda x: torch.logit(x, 1e-3),
        lambda x: torch.polygamma(1, x),
    ],
    ids=[
        "gelu-by-tanh",
        "softplus",
        "elu",
        "celu",
        "square",
        "power",
        "base",
        "quotient",
        "ldexp",
        "remainder",
        "logit",
        "polygamma",
    ],
)
def test_with_constants(f: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    no_worse_than_torch(f, numbers(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: torch.lerp(x, y, 0.3),
        lambda x, y: torch.lerp(x, y, 0.7),
        lambda x, y: torch.lerp(x, y, 1.0),
        lambda x, y: torch.addcmul(x, y, y, value=0.1),
        lambda x, y: torch.addcdiv(x, x, y.abs() + 1e-2, value=0.1),
        lambda x, y: F.glu(torch.stack([x, y]), 0)[0],
    ],
    ids=["lerp-near", "lerp-far", "lerp-end", "addcmul", "addcdiv", "glu"],
)
def test_two_numbers_with_constants(f: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype) -> None:
    no_worse_than_torch(f, *pairs(dtype, most=1e18))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", [torch.hypot, torch.logaddexp, torch.logaddexp2])
def test_of_two_numbers_without_their_exponentials_or_squares(f: Callable[..., Tensor], dtype: torch.dtype) -> None:
    no_worse_than_torch(f, *pairs(dtype), second=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gelu_by_tanh_of_a_large_number(dtype: torch.dtype) -> None:
    x = torch.tensor([-150.0, 150.0], dtype=dtype)
    _, pullback = tape.vjp(lambda x: F.gelu(x, approximate="tanh"), x)
    assert pullback(torch.ones_like(x))[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
def test_the_angle_of_0_has_the_derivative_0_also_where_it_is_not_chosen(dtype: torch.dtype) -> None:
    zero, one = torch.zeros(1, dtype=dtype), torch.ones(1, dtype=dtype)

    def chosen(y: Tensor, x: Tensor) -> Tensor:
        return torch.where(y == 0, y + x, torch.atan2(y, x)).sum()

    assert [g.tolist() for g in tape.grad(lambda y, x: torch.atan2(y, x).sum(), (0, 1))(zero, zero)] == [[0.0], [0.0]]
    assert not tape.hessian(lambda v: torch.atan2(v[0], v[1]))(torch.zeros(2)).any()
    assert [g.tolist() for g in tape.grad(chosen, (0, 1))(zero, zero)] == [[1.0], [1.0]]
    torch.testing.assert_close(tape.grad(chosen)(one, one), one / 2)


@pytest.mark.parametrize(("dtype", "digits"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.float16, 5e-3)])
def test_sinc_is_smooth_at_0(dtype: torch.dtype, digits: float) -> None:
    x = torch.tensor([0.0, 1e-8, 1e-4, 1e-2, -1e-2], dtype=dtype)
    slope = tape.grad(lambda x: torch.sinc(x).sum())
    curve = tape.grad(lambda x: slope(x).sum())(x)
    square = (torch.pi * x.double()) ** 2
    expected = torch.pi**2 * (-1 / 3 + square / 10 - square**2 / 168)
    torch.testing.assert_close(curve.double(), expected, rtol=digits, atol=0)
    torch.testing.assert_close(
        slope(x).double(), x.double() * torch.pi**2 * (-1 / 3 + square / 30), rtol=digits, atol=1e-7
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_second_derivative_of_sinc_meets_itself_where_the_series_ends(dtype: torch.dtype) -> None:
    edge = 1 / torch.pi
    x = torch.tensor([edge - 1e-6, edge + 1e-6], dtype=dtype)
    slope = tape.grad(lambda x: torch.sinc(x).sum())
    below, above = tape.grad(lambda x: slope(x).sum())(x)
    torch.testing.assert_close(below, above, rtol=1e-4, atol=0)
