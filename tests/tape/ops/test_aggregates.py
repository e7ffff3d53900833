from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape


@pytest.mark.parametrize("f", [torch.prod, lambda x: torch.cumprod(x, 0)])
@pytest.mark.parametrize("numbers", [(2, 3, 4), (0, 3, 4), (2, 0, 0, 5), (0, 0, 0), (7,), ()])
def test_products_of_zeros(
    f: Any, numbers: tuple[float, ...], agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]
) -> None:
    agrees_with_torch(f, doubles(*numbers))


def test_every_derivative_of_a_product_of_zeros(doubles: Callable[..., Tensor]) -> None:
    first = tape.grad(torch.prod)
    second = tape.grad(lambda x: first(x)[0])
    third = tape.grad(lambda x: second(x)[1])
    torch.testing.assert_close(third(doubles(0, 0, 0)), doubles(0, 0, 1))


@pytest.mark.parametrize("f", [torch.nansum, torch.nanmean])
def test_what_is_no_number_gets_nothing(
    f: Any, agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]
) -> None:
    agrees_with_torch(f, doubles(1, torch.nan, 2))


def test_aminmax_shares_at_ties(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(lambda x: torch.stack(list(torch.aminmax(x))), doubles(1, 2, 1, 2))


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles(interpolation: str, agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(
        lambda x: torch.quantile(x, doubles(0.1, 0.5, 1), interpolation=interpolation), doubles(3, 1, 4, 1.5)
    )


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: torch.quantile(x, 0.5, interpolation="cubic"), ValueError),
        (lambda x: torch.cov(x, aweights=torch.ones(3)), NotImplementedError),
    ],
)
def test_what_is_not_supported_is_refused(f: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"quantile|cov"):
        tape.vjp(f, torch.ones(3))
