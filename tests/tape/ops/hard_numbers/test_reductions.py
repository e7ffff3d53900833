"""Reductions and running reductions of numbers of every size, and of many."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from tests.tape.ops.hard_numbers.beside_float64 import DTYPES, no_worse_than_torch

dtypes = pytest.mark.parametrize("dtype", DTYPES)
MANY = 70000  # more than float16 can count

SMALL: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda x: torch.softmax(x, 0),
    "log_softmax": lambda x: torch.log_softmax(x, 0),
    "softmin": lambda x: F.softmin(x, 0),
    "sum": torch.sum,
    "mean": torch.mean,
    "amax": torch.amax,
    "amin": torch.amin,
    "median": torch.median,
    "logsumexp": lambda x: torch.logsumexp(x, 0),
    "cumsum": lambda x: torch.cumsum(x, 0),
    "prod": lambda x: torch.prod(x, 0),
    "cumprod": lambda x: torch.cumprod(x, 0),
    "nansum": torch.nansum,
    "nanmean": torch.nanmean,
    "sort": lambda x: torch.sort(x, stable=True).values,
    "cov": lambda x: torch.cov(torch.stack([x, x.flip(0)])),
    "addr": lambda x: torch.addr(x.unsqueeze(1).expand(6, 6), x, x, alpha=0.125),
    "addmm": lambda x: torch.addmm(x[:1].unsqueeze(1), x.unsqueeze(0), x.unsqueeze(1), alpha=0.125),
    "dot": lambda x: x @ x,
    "einsum": lambda x: torch.einsum("i,i->", x, x),
}


def entries(size: float, zeros: int, dtype: torch.dtype) -> Tensor:
    x = size * torch.tensor([1.5, -0.25, 0.75, -1.0, 0.5, 0.3], dtype=torch.float64)
    x[1 : 1 + zeros] = 0
    return x.to(dtype)


@dtypes
@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("size", [1e-4, 1.0, 30.0, 300.0, 1e4])
@pytest.mark.parametrize("name", SMALL)
def test_of_a_few(name: str, size: float, zeros: int, dtype: torch.dtype) -> None:
    no_worse_than_torch(SMALL[name], entries(size, zeros, dtype), second=name in ("prod", "sum", "mean"), together=True)


@dtypes
@pytest.mark.parametrize("fill", [0.1, 20.0, 100.0, 1e4])
def test_the_parts_of_equal_entries_sum_to_1(fill: float, dtype: torch.dtype) -> None:
    parts = tape.vjp(lambda x: torch.softmax(x, 0), torch.full((4,), fill, dtype=dtype))[0]
    assert parts.tolist() == [0.25] * 4


@dtypes
@pytest.mark.parametrize(
    "f",
    [
        torch.amax,
        torch.amin,
        torch.max,
        torch.min,
        torch.median,
        lambda x: torch.aminmax(x).max,
        torch.mean,
        torch.nanmean,
    ],
    ids=["amax", "amin", "max", "min", "median", "aminmax", "mean", "nanmean"],
)
def test_many_equal_entries_share_the_whole_cotangent(f: Callable[..., Any], dtype: torch.dtype) -> None:
    value, gradient = tape.value_and_grad(f)(torch.ones(MANY, dtype=dtype))
    assert value == 1
    # What a share is, a multiple of 6e-8 in float16, is known to half of that.
    torch.testing.assert_close(gradient.double().sum(), torch.tensor(1.0).double(), rtol=3e-3, atol=0)


@dtypes
def test_a_mean_along_a_dimension_counts_beyond_half_precision(dtype: torch.dtype) -> None:
    value = tape.vjp(lambda x: torch.nanmean(x, 1), torch.full((2, MANY), 2.0, dtype=dtype))[0]
    assert value.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_running_logarithm_of_sums_does_not_stand_still(dtype: torch.dtype) -> None:
    x = torch.full((3000,), 20.0, dtype=dtype)
    running = tape.vjp(lambda x: torch.logcumsumexp(x, 0), x)[0]
    torch.testing.assert_close(running, torch.logcumsumexp(x.double(), 0).to(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_running_logarithm_of_sums_of_large_numbers_keeps_every_cotangent(dtype: torch.dtype) -> None:
    x = torch.tensor([-1e19, 2e19, 1e19, 3e19, 2e19], dtype=dtype)
    _, pullback = tape.vjp(lambda x: torch.logcumsumexp(x, 0), x)
    assert pullback(torch.arange(1, 6).to(dtype))[0].tolist() == [1, 5, 0, 9, 0]  # torch gives 1, 1, 0, 1, 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_mean_beside_a_variance_is_finite_near_the_largest_number(dtype: torch.dtype) -> None:
    x = torch.full((2, 100), 8e37, dtype=dtype)
    for f in (torch.var_mean, torch.std_mean):
        no_spread, mean = tape.vjp(lambda x, f=f: f(x, 1), x)[0]
        assert (no_spread == 0).all()
        assert mean.equal(x[:, 0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_product_in_half_precision_is_rounded_once(dtype: torch.dtype) -> None:
    x = torch.full((7,), 20.0, dtype=dtype)
    x[-1] = 0.001
    x[0] = 0.001
    value, gradient = tape.value_and_grad(lambda x: torch.prod(x, 0))(x)
    torch.testing.assert_close(value, x.double().prod().to(dtype))
    torch.testing.assert_close(gradient, (x.double().prod() / x.double()).to(dtype))


def test_a_quantile_beside_infinity() -> None:
    x = torch.tensor([1.0, -torch.inf, 2.0])
    assert tape.vjp(lambda x: torch.quantile(x, 0.3), x)[0] == torch.quantile(x, 0.3)


def test_a_sum_of_products_is_as_precise_as_that_of_vectors() -> None:
    x = torch.full((MANY,), 0.1)
    for f in (
        lambda x: torch.einsum("i,i->", x, x),
        lambda x: torch.inner(x, x),
        lambda x: torch.tensordot(x, x, 1),
    ):
        torch.testing.assert_close(tape.vjp(f, x)[0], torch.tensor(700.0), rtol=1e-4, atol=0)
