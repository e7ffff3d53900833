"""What a tensor is filled with has a derivative; what keeps some of its numbers only is refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape
from tape import TapeError, grad

X = torch.tensor([2.0, -1.0, 2.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.unique(x),
        lambda x: x.unique(),
        lambda x: torch.unique(x, return_counts=True)[0],
        lambda x: torch.unique(x, dim=0),
        lambda x: torch.unique_consecutive(x),
        lambda x: x.unique_consecutive(),
    ],
)
def test_distinct_values_are_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TapeError, match=r"unique.*stop_gradient"):
        grad(lambda x: f(x).sum())(X)
    assert grad(lambda x: (x * f(tape.stop_gradient(x)).sum()).sum())(X).shape == (3,)


def test_a_value_of_another_shape_is_refused() -> None:
    with pytest.raises(TypeError, match="0-d"):
        grad(lambda x: torch.full((2,), x).sum())(X)


def test_a_filled_tensor_is_differentiated_twice() -> None:
    second = grad(lambda x: grad(lambda x: (torch.full((3,), x[0]) ** 3).sum())(x).sum())(X)
    assert second.tolist() == [36, 0, 0]


def test_a_plain_value_fills_a_plain_tensor() -> None:
    seen: list[Any] = []
    grad(lambda x: (seen.append(torch.full_like(x, 3.0)), x.sum())[1])(X)
    assert type(seen[0]) is torch.Tensor
    assert seen[0].tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    "f",
    [
        lambda s: torch.add(X, X, alpha=s),
        lambda s: X.add(X, alpha=s),
        lambda s: torch.sub(X, X, alpha=s),
        lambda s: torch.rsub(X, X, alpha=s),
        lambda s: torch.addcmul(X, X, X, value=s),
        lambda s: torch.addcdiv(X, X, X, value=s),
    ],
)
@pytest.mark.parametrize("at", [1.0, 2.5])
def test_a_traced_scale_is_differentiated(f: Callable[[Any], Any], at: float) -> None:
    slope = grad(lambda s: (f(s) * X).sum())(torch.tensor(at))
    difference = ((f(at + 1) - f(at)) * X).sum()  # it is linear in the scale
    torch.testing.assert_close(slope, difference)
