from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape


def test_cross_takes_the_first_dimension_of_three(agrees_with_torch: Callable[..., None]) -> None:
    x = torch.linspace(-1, 2, 9, dtype=torch.float64).reshape(3, 3)
    agrees_with_torch(lambda x, y: torch.cross(x, y, 0), x, x.square())
    torch.testing.assert_close(tape.vjp(torch.cross, x, x.square())[0], torch.linalg.cross(x, x.square(), dim=0))


@pytest.mark.parametrize("n", [0, 1, 3, 9])
def test_differences_of_any_order(n: int, agrees_with_torch: Callable[..., None]) -> None:
    agrees_with_torch(lambda x: torch.diff(x, n), torch.linspace(-1, 2, 8, dtype=torch.float64).reshape(2, 4))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.cross(x, x),
        lambda x: torch.linalg.cross(x, x),
        lambda x: torch.diff(x.sum()),
        lambda x: torch.diff(x, -1),
        lambda x: torch.trapezoid(x[:, :0]),
    ],
)
def test_what_does_not_fit_is_refused(f: Any) -> None:
    with pytest.raises(ValueError, match=r"cross|diff|trapezoid"):
        tape.vjp(f, torch.ones(2, 2))
