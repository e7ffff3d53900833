from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape


def test_what_is_written_over_gets_nothing(
    agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]
) -> None:
    places = torch.tensor([2, 0])
    agrees_with_torch(lambda x, y: torch.scatter(x * x, 0, places, y * y), doubles(1, 2, 3), doubles(4, 5))
    agrees_with_torch(lambda x, y: torch.index_copy(x * x, 0, places, y * y), doubles(1, 2, 3), doubles(4, 5))


def test_the_padding_row_gets_no_cotangent(agrees_with_torch: Callable[..., None]) -> None:
    weight = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(3, 2)
    agrees_with_torch(lambda w: F.embedding(torch.tensor([0, 2, 2]), w, padding_idx=-1), weight)


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: F.embedding(torch.tensor([0]), x, max_norm=1.0), NotImplementedError),
        (lambda x: F.embedding(torch.tensor([0]), x, sparse=True), NotImplementedError),
        (lambda x: torch.masked_scatter(x, torch.ones(2, 2) > 0, torch.ones(3)), ValueError),
        (lambda x: torch.scatter(x, 0, torch.tensor([[0]]), x, reduce="multiply"), tape.TapeError),
    ],
)
def test_what_is_not_supported_is_refused(f: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"support|places"):
        tape.vjp(f, torch.ones(2, 2))
