"""Ordering at ties, where the entry that is chosen gets the whole cotangent, and 0-d values."""

from typing import Any

import pytest
import torch

TIED = torch.tensor([[2.0, 2.0, 1.0], [1.0, 1.0, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.sort(x, stable=True).values,
        lambda x: x.sort(dim=0, descending=True, stable=True).values,
        lambda x: x.max(1).values,
        lambda x: x.max(0, keepdim=True).values,
        lambda x: x.min(1).values,
        lambda x: x.topk(2, 1).values,
        lambda x: x.median(1).values,
        lambda x: torch.max(x, x),
    ],
)
def test_the_chosen_entry_gets_it_all(f: Any, agrees_with_torch: Any) -> None:
    agrees_with_torch(f, TIED)
    agrees_with_torch(lambda x: f(x * x) * 2, TIED)


@pytest.mark.parametrize(
    "f",
    [
        lambda s: s.sort().values,
        lambda s: s.max(0).values,
        lambda s: s.min(-1, keepdim=True).values,
        lambda s: s.topk(1).values,
        lambda s: s.median(0).values,
        lambda s: s.median(),
    ],
)
def test_a_0d_value_is_in_order(f: Any, agrees_with_torch: Any) -> None:
    agrees_with_torch(lambda s: f(s * s), torch.tensor(3.0, dtype=torch.float64))
