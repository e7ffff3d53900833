"""Reductions at ties, over nothing, and of constants."""

from typing import Any

import pytest
import torch

import tape


@pytest.mark.parametrize("f", [torch.amax, torch.amin, torch.max, torch.min, torch.median])
def test_equal_extremes_share_the_cotangent(f: Any, agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(f, doubles(2, 2, 2))
    agrees_with_torch(f, doubles(1, 3, 1, 3, 2, 2))
    agrees_with_torch(f, torch.zeros(2, 2, dtype=torch.float64))


@pytest.mark.parametrize("dim", [0, 1, (0, 1)])
@pytest.mark.parametrize("f", [torch.amax, torch.amin])
def test_equal_extremes_along_a_dimension_share_the_cotangent(f: Any, dim: Any, agrees_with_torch: Any) -> None:
    x = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    agrees_with_torch(lambda x: f(x, dim), x)
    agrees_with_torch(lambda x: f(x, dim, keepdim=True), x)


@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0, 1)])
@pytest.mark.parametrize("f", [torch.sum, lambda x: x.sum(0), lambda x: x.cumsum(0), lambda x: x.sum(-1, keepdim=True)])
def test_sums_over_nothing(f: Any, shape: tuple[int, ...], agrees_with_torch: Any) -> None:
    agrees_with_torch(f, torch.zeros(shape, dtype=torch.float64))


def test_dims_as_integers_of_their_own() -> None:
    x = torch.rand(2, 3, 4)
    for spelled in (lambda x: x.sum(1, 2), lambda x: x.mean(1, 2)):
        out, pullback = tape.vjp(spelled, x)
        assert out.shape == (2,)
        assert pullback(out)[0].shape == x.shape


def test_a_sum_in_another_dtype_gives_the_inputs_back() -> None:
    x = torch.ones(3, dtype=torch.bfloat16)
    out, pullback = tape.vjp(lambda x: torch.sum(x, dtype=torch.float32), x)
    assert out.dtype == torch.float32
    assert pullback(torch.ones(()))[0].dtype == torch.bfloat16
    assert type(tape.vjp(lambda x: x.sum(dtype=torch.int64), x)[0]) is torch.Tensor


def test_the_deviation_of_equal_numbers_has_a_zero_derivative(agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(torch.std, doubles(2, 2, 2), second=False)
    agrees_with_torch(
        lambda x: torch.std(x, 1), torch.tensor([[1.0, 1.0], [1.0, 2.0]], dtype=torch.float64), second=False
    )
    agrees_with_torch(torch.var, doubles(2, 2, 2))


def test_logsumexp_does_not_overflow(agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(lambda x: torch.logsumexp(x, 0), doubles(1000, 999, -1000))


def test_logsumexp_with_an_infinitely_small_entry(agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(lambda x: torch.logsumexp(x, 0), doubles(1, -torch.inf), second=False)


@pytest.mark.parametrize("dim", [0, -1])
def test_a_running_sum_of_numbers_runs_under_vmap(dim: int) -> None:
    x = torch.tensor([1.0, 2.0])
    derivative = torch.func.vmap(tape.grad(lambda x: x.cumsum(dim) ** 2))(x)
    torch.testing.assert_close(derivative, 2 * x)
    with pytest.raises(IndexError, match="Dimension out of range"):
        tape.grad(lambda x: x.cumsum(dim - 1 if dim < 0 else 1))(x[0])
