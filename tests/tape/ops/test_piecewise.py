from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

import tape


@pytest.mark.parametrize("f", [torch.fmax, torch.fmin])
def test_at_a_tie_the_first_gets_all(
    f: Any, agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]
) -> None:
    agrees_with_torch(f, doubles(1, 2, 3), doubles(1, 3, 2))


def test_edges_that_are_tensors(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    x, low, high = doubles(-2, 0, 2, 0, 1, 3), doubles(-1, -1, -1, 2, 1, 0), doubles(1, 1, 1, -2, 2, 3)
    agrees_with_torch(torch.clamp, x, low, high)
    agrees_with_torch(lambda x, low: torch.clamp(x, min=low), x, low)
    agrees_with_torch(lambda x, high: torch.clamp(x, max=high), x, high)


def test_edges_that_are_equal_or_cross(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    x, low, high = doubles(*product((-1, 0, 1), repeat=3)).reshape(-1, 3).unbind(1)
    agrees_with_torch(torch.clamp, x, low, high)
    agrees_with_torch(torch.clamp_min, x, low)
    agrees_with_torch(torch.clamp_max, x, high)


def test_an_edge_that_is_no_number_gives_none(doubles: Callable[..., Tensor]) -> None:
    x, one, none = doubles(-2, 0, 2), doubles(1, 1, 1), doubles(*[torch.nan] * 3)
    for f in (
        lambda x, low: torch.clamp(x, low, one),
        lambda x, high: torch.clamp(x, -one, high),
        torch.clamp_min,
        torch.clamp_max,
    ):
        value, pullback = tape.vjp(f, x, none)
        assert value.isnan().all()
        assert pullback(one)[0].tolist() == [0, 0, 0]


def test_copysign_at_0(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(torch.copysign, doubles(0, -1, 2), doubles(-1, 0, -3), second=False)


def test_what_is_no_number_has_no_derivative(
    agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]
) -> None:
    agrees_with_torch(torch.nan_to_num, doubles(torch.nan, torch.inf, -torch.inf, 2))
