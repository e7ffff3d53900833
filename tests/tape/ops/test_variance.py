"""Variances and deviations where numbers are equal, far from 0, or at the ends of a dtype's range."""

import math
from typing import Any

import pytest
import torch

import tape

DTYPES = [torch.float32, torch.float16, torch.bfloat16]
RANGES = {torch.float32: (1e-30, 1e-4, 1e4, 1e18, 1e30), torch.float16: (1e-4, 300.0), torch.bfloat16: (1e-30, 1e30)}


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64], ids=str)
@pytest.mark.parametrize("number", [0.1, 12345.678, 300.0, 1e30])
def test_of_equal_numbers_nothing_is_left(dtype: torch.dtype, number: float) -> None:
    if number > torch.finfo(dtype).max:
        return
    x = torch.full((7,), number, dtype=dtype)
    for f in (torch.std, torch.var):
        value, gradient = tape.value_and_grad(f)(x)
        assert value == 0
        assert (gradient == 0).all()


@pytest.mark.parametrize(("dtype", "scale"), [(dtype, scale) for dtype in DTYPES for scale in RANGES[dtype]], ids=str)
def test_deviations_of_any_size_are_those_of_float64(dtype: torch.dtype, scale: float) -> None:
    x = (scale * torch.tensor([[1.0, -2.0, 0.5, 3.0], [1.0, 1.5, -1.0, 0.0]])).to(dtype)

    def deviations(x: Any) -> Any:
        return torch.std(x, -1).sum()

    close = {"rtol": 2 * torch.finfo(dtype).eps, "atol": 0.0}
    value, gradient = tape.value_and_grad(deviations)(x)
    expected, true = tape.value_and_grad(deviations)(x.double())
    torch.testing.assert_close(value.double(), expected, **close)
    torch.testing.assert_close(gradient.double(), true, rtol=close["rtol"], atol=close["rtol"])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_deviations_far_from_zero_are_torchs(dtype: torch.dtype) -> None:
    x = (300 + torch.tensor([1.0, -2.0, 0.5, 3.0])).to(dtype)
    true = torch.std(x.double())
    assert abs(tape.value_and_grad(torch.std)(x)[0].double() - true) <= torch.finfo(dtype).eps * true


def test_a_variance_of_squares_beyond_float16_is_finite() -> None:
    x = torch.tensor([100.0, -100.0, 300.0], dtype=torch.float16)
    value, gradient = tape.value_and_grad(torch.var)(x)
    assert value == torch.var(x)
    torch.testing.assert_close(gradient, torch.tensor([0.0, -200.0, 200.0], dtype=torch.float16))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_deviations_of_nearly_the_largest_numbers_are_finite(dtype: torch.dtype) -> None:
    x = torch.tensor([8e37] * 5 + [-8e37] * 3, dtype=dtype)
    for f in (torch.std, torch.var):
        value, gradient = tape.value_and_grad(f)(x)
        expected, true = tape.value_and_grad(f)(x.double())
        close = {"rtol": 4 * torch.finfo(dtype).eps, "atol": 0.0}
        torch.testing.assert_close(gradient.double(), true, **close)
        if f is torch.std:
            torch.testing.assert_close(value.double(), expected, **close)


@pytest.mark.parametrize("correction", [0, 1, 2.5])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2)])
def test_variances_are_torchs(correction: float, keepdim: bool, dim: Any, agrees_with_torch: Any, doubles: Any) -> None:
    x = torch.sin(torch.arange(24.0, dtype=torch.float64)).reshape(4, 2, 3)
    if dim == -1 and correction == 2.5:
        correction = 0.5
    agrees_with_torch(lambda x: torch.var(x, dim, correction=correction, keepdim=keepdim), x)
    agrees_with_torch(lambda x: torch.std(x, dim, correction=correction, keepdim=keepdim), x)


def test_of_nothing_and_of_one_number_the_variance_is_no_number() -> None:
    for x in (torch.ones(0), torch.ones(1), torch.tensor(1.0)):
        for f in (torch.std, torch.var):
            value, gradient = tape.value_and_grad(f)(x)
            assert math.isnan(value)
            assert gradient.shape == x.shape


@pytest.mark.parametrize(("dim", "error"), [(3, IndexError), ((0, 0), RuntimeError), (-3, IndexError)])
def test_dimensions_that_are_not_there_are_refused(dim: Any, error: type[Exception]) -> None:
    for f in (torch.std, torch.var, torch.linalg.vector_norm):
        with pytest.raises(error, match=r"dim"):
            tape.vjp(lambda x, f=f: f(x, dim=dim), torch.ones(2, 3))
