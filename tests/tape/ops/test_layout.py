"""Layout: second order and the corners of shapes."""

from typing import Any

import pytest
import torch


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.reshape(2, 6).T.reshape(3, 4) * x,
        lambda x: x.expand(2, 3, 4) * x,
        lambda x: x.unsqueeze(0).expand(2, -1, -1).permute(2, 0, 1) ** 2,
        lambda x: x.flip(0, 1) * x,
        lambda x: x.roll((1, -2), (0, 1)) * x,
        lambda x: x.tile(2, 1, 2).tril(1) ** 2,
        lambda x: x.repeat(2, 1, 3).squeeze().movedim(0, -1) ** 3,
        lambda x: x.unflatten(1, (2, 2)).flatten(0, 1) ** 2,
        lambda x: x[:0].reshape(0, 2, 2).sum() + x,
    ],
)
def test_compositions_agree_with_torch_in_both_orders(f: Any, agrees_with_torch: Any) -> None:
    agrees_with_torch(f, torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(3, 4))


def test_layouts_of_inputs_do_not_matter(agrees_with_torch: Any) -> None:
    wide = torch.rand(6, 8, dtype=torch.float64)
    for x in (wide.T, wide[::2, 1::3], wide[:1].expand(5, 8), wide.as_strided((3, 2), (1, 5), 4)):
        agrees_with_torch(lambda x: (x.contiguous() * x.mT.clone().mT).cumsum(0), x)
