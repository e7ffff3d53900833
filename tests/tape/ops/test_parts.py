from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape


@pytest.mark.parametrize("places", [1, 3, 5, (2, 4), (3, 1), (-1,), (0, 9)])
def test_parts_are_torchs(places: Any, agrees_with_torch: Callable[..., None]) -> None:
    x = torch.linspace(-1, 1, 4, dtype=torch.float64)
    assert [len(part) for part in tape.vjp(lambda x: torch.tensor_split(x, places), x)[0]] == [
        len(part) for part in torch.tensor_split(x, places)
    ]
    agrees_with_torch(lambda x: torch.cat(torch.tensor_split(x * x, places)), x)


@pytest.mark.parametrize("f", [lambda x: torch.hsplit(x, 2), lambda x: torch.dsplit(x, 1), lambda x: x.tensor_split(0)])
def test_what_does_not_fit_is_refused(f: Any) -> None:
    with pytest.raises(ValueError, match="split"):
        tape.vjp(f, torch.ones(2, 3))
