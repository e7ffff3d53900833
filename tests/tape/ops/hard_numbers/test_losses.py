"""Losses of predictions of every size."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from tests.tape.ops.hard_numbers.beside_float64 import DTYPES, no_worse_than_torch, numbers, pairs

dtypes = pytest.mark.parametrize("dtype", DTYPES)


@dtypes
def test_cross_entropy_of_equal_large_logits(dtype: torch.dtype) -> None:
    x = torch.full((1, 2), 1e7 if dtype is not torch.float16 else 6e4, dtype=dtype)
    value, gradient = tape.value_and_grad(lambda x: F.cross_entropy(x, torch.tensor([1])))(x)
    torch.testing.assert_close(value, torch.log(torch.tensor(2.0)).to(dtype))
    assert gradient.tolist() == [[0.5, -0.5]]


@dtypes
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("size", [1e-4, 1.0, 30.0, 1e4])
def test_cross_entropy(size: float, smoothing: float, dtype: torch.dtype) -> None:
    x = (size * torch.linspace(-1, 1, 12, dtype=torch.float64).sin().reshape(3, 4)).to(dtype)
    target = torch.tensor([1, 3, 0])
    no_worse_than_torch(lambda x: F.cross_entropy(x, target, label_smoothing=smoothing), x, second=False, together=True)


@dtypes
@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: F.huber_loss(x, y, reduction="none"),
        lambda x, y: F.huber_loss(x, y, reduction="none", delta=100.0),
        lambda x, y: F.smooth_l1_loss(x, y, reduction="none", beta=0.1),
        lambda x, y: F.smooth_l1_loss(x, y, reduction="none", beta=0.0),
        lambda x, y: F.poisson_nll_loss(x, y, reduction="none"),
        lambda x, y: F.poisson_nll_loss(x, y, reduction="none", log_input=False),
        lambda x, y: F.kl_div(x, y, reduction="none"),
    ],
    ids=["huber", "wide-huber", "smooth", "sharp", "poisson-of-logarithms", "poisson", "kl"],
)
def test_of_pairs(f: Callable[..., Any], dtype: torch.dtype) -> None:
    no_worse_than_torch(f, *pairs(dtype))


@dtypes
@pytest.mark.parametrize("log_input", [False, True])
def test_a_poisson_loss_with_stirlings_term(log_input: bool, dtype: torch.dtype) -> None:
    x, target = pairs(dtype, negative=False, most=80.0 if log_input else 1e4)
    no_worse_than_torch(
        lambda x, t: F.poisson_nll_loss(x, t, log_input=log_input, full=True, reduction="none"), x, target, second=False
    )


def test_a_large_count_of_its_own_rate_has_half_its_inverse_as_slope() -> None:
    gradient = tape.grad(lambda t: F.poisson_nll_loss(x, t, log_input=False, full=True, reduction="sum"))
    x = torch.tensor([1e4])
    torch.testing.assert_close(gradient(x), torch.tensor([0.5e-4]), rtol=1e-3, atol=0)


@dtypes
@pytest.mark.parametrize("weight", [None, 3.0])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_binary_cross_entropy_with_logits(target: float, weight: float | None, dtype: torch.dtype) -> None:
    x = numbers(dtype)
    y = torch.full_like(x, target)
    positive = None if weight is None else torch.tensor(weight, dtype=dtype)
    no_worse_than_torch(
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none", pos_weight=positive), x, y, second=False
    )


def test_a_logit_far_below_0_keeps_its_probability_as_slope() -> None:
    x = torch.tensor([-30.0, 30.0])
    gradient = tape.grad(lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor([0.0, 1.0]), reduction="sum"))(x)
    torch.testing.assert_close(gradient, torch.exp(torch.tensor(-30.0)) * torch.tensor([1.0, -1.0]), rtol=1e-5, atol=0)


@dtypes
def test_binary_cross_entropy(dtype: torch.dtype) -> None:
    p, target = pairs(dtype, negative=False, most=1.0)
    no_worse_than_torch(lambda p, t: F.binary_cross_entropy(p, t, reduction="none"), p, target, second=False)


def test_binary_cross_entropy_of_a_certain_and_wrong_prediction() -> None:
    value, gradient = tape.value_and_grad(F.binary_cross_entropy)(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0]))
    assert value == 50
    assert gradient.tolist() == [pytest.approx(-5e11), 0.0]


@dtypes
@pytest.mark.parametrize("size", [0.1, 1.0, 30.0, 300.0, 6e4])
def test_soft_margin_loss_does_not_overflow(size: float, dtype: torch.dtype) -> None:
    x, sides = torch.tensor([size, -size], dtype=dtype), torch.tensor([1.0, 1.0], dtype=dtype)
    value, gradient = tape.value_and_grad(lambda x: F.soft_margin_loss(x, sides, reduction="sum"))(x)
    expected = -F.logsigmoid(x.double()).sum()
    torch.testing.assert_close(value, expected.to(dtype))
    torch.testing.assert_close(gradient, -torch.sigmoid(-x.double()).to(dtype))


@dtypes
def test_a_mean_of_losses_beyond_the_range_of_their_sum(dtype: torch.dtype) -> None:
    x: Tensor = torch.full((70000,), 300.0, dtype=dtype)
    value, gradient = tape.value_and_grad(lambda x: F.huber_loss(x, torch.zeros(70000, dtype=dtype)))(x)
    torch.testing.assert_close(value, torch.tensor(299.5, dtype=dtype))
    torch.testing.assert_close(gradient.double().sum(), torch.tensor(1.0).double(), rtol=5e-3, atol=0)
