"""Matrix products."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op


@op(
    (
        case(real("n k"), real("k m"))
        .refuses(RuntimeError, torch.ones(2, 3), torch.ones(2, 3), match="cannot be multiplied (2x3 and 2x3)")
        .refuses(RuntimeError, torch.ones(()), torch.ones(2, 3), match="need to be at least 1D"),
        case(real("... n k"), real("... k m")),
        case(real("k"), real("k")).refuses(
            RuntimeError, torch.ones(2), torch.ones(3), match="to have the same number of elements"
        ),
        case(real("k"), real("... k m")),
        case(real("... n k"), real("k")),
    ),
    torch.matmul,
    Tensor.matmul,
    Tensor.__matmul__,
    torch.mm,
    Tensor.mm,
    torch.bmm,
    Tensor.bmm,
    torch.mv,
    Tensor.mv,
    torch.dot,
    Tensor.dot,
)
def matmul(x: Tensor, y: Tensor) -> Tensor:
    return torch.matmul(x, y)


def _matmul_left(g: Any, x_like: Any, y: Any) -> Any:
    if len(x_like.shape) == 1:
        return g * y if y.ndim == 1 else (y @ g.unsqueeze(-1)).squeeze(-1)
    return g.unsqueeze(-1) * y if y.ndim == 1 else g @ y.mT


def _matmul_right(g: Any, x: Any, y_like: Any) -> Any:
    if len(y_like.shape) == 1:
        return g * x if x.ndim == 1 else _flat_rows(x).mT @ g.reshape(-1)
    if x.ndim == 1:
        return x.unsqueeze(-1) * g.unsqueeze(-2)
    if len(y_like.shape) > 2:
        return x.mT @ g
    x, g = _flat_rows(x), _flat_rows(g)
    # A product with few columns takes up to six times as long as its transpose, with few rows.
    return (g.mT @ x).mT if y_like.shape[1] < y_like.shape[0] else x.mT @ g


def _flat_rows(x: Any) -> Any:
    """All leading dimensions as one, so that a product sums over them without a large intermediate."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


matmul.defvjp(x=_matmul_left, y=_matmul_right)


@op(case(real("n k"), real("k m")))
def narrow_matmul(x: Tensor, y: Tensor) -> Tensor:
    """`x @ y` for a `y` of few columns: the transpose of a product with few rows, and laid out so."""
    return (y.mT @ x.mT).mT


narrow_matmul.defvjp(x=lambda g, y: g @ y.mT, y=lambda g, x: (g.mT @ x).mT)


@implements(Tensor.__rmatmul__)
def reverse_matmul(x: Any, y: Any) -> Any:
    return matmul(y, x)


@implements(F.linear)
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """`input @ weight.T + bias`, as `torch.nn.functional.linear`.

    Args:
        input: (..., in features).
        weight: (out features, in features), or (in features,).
        bias: (out features,), or 0-d.

    Returns:
        (..., out features), or (...).

    Raises RuntimeError, torch's own, where the features do not fit or the dtypes differ.

    >>> linear(torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 1.0], [3.0, 0.0]]), torch.tensor([0.0, 10.0]))
    tensor([ 3., 13.])
    """
    product = matmul(input, weight.mT if weight.ndim > 1 else weight)
    return product if bias is None else product + bias


@implements(torch.outer, torch.ger, Tensor.outer, Tensor.ger)
def outer(x: Any, y: Any) -> Any:
    return x.unsqueeze(-1) * y
