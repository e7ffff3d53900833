from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape


@pytest.mark.parametrize("offset", [-3, -1, 0, 2, 4])
def test_diagonals(offset: int, agrees_with_torch: Callable[..., None]) -> None:
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(2, 3, 4)
    agrees_with_torch(lambda x: torch.diagonal(x, offset, -1, 1), x)
    agrees_with_torch(lambda x: torch.diag_embed(x, offset, 2, 0), x)


@pytest.mark.parametrize("k", range(-1, 5))
def test_turns(k: int, agrees_with_torch: Callable[..., None]) -> None:
    agrees_with_torch(lambda x: torch.rot90(x, k), torch.linspace(0, 1, 6, dtype=torch.float64).reshape(2, 3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.diagonal(x, 0, 1, -1),
        lambda x: torch.diag_embed(x, 0, 1, 1),
        lambda x: torch.diag(x[None]),
        lambda x: torch.trace(x[0]),
        lambda x: x.unfold(0, 3, 1),
        lambda x: torch.fliplr(x[0]),
        lambda x: torch.meshgrid(x[0], indexing="yx"),
        lambda x: torch.pixel_shuffle(x[None], 2),
        lambda x: torch.pixel_unshuffle(x[None], 2),
        lambda x: torch.channel_shuffle(x[None], 4),
        lambda x: x.sum_to_size(2, 2),
    ],
)
def test_what_does_not_fit_is_refused(f: Any) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        tape.vjp(f, torch.ones(2, 3))
