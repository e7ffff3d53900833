"""Reductions over dimensions, and running sums."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.ops.precision import in_float32
from tape.ops.spelling import dims, varargs

Dims = int | Sequence[int] | None

matrix = torch.ones(2, 3)
out_of_range = "Dimension out of range"
twice = "dim 0 appears multiple times"
over_any = (
    case(real("a b c"), dim=((), 0, -1, (0, 2), (-1, -3), None), keepdim=(False, True))
    .refuses(IndexError, matrix, 2, match=out_of_range)
    .refuses(RuntimeError, matrix, (0, -2), match=twice),
    case(real(), dim=(None,)),
)
over_some = (
    case(
        real("a b c", distinct=True),
        dim=((), 0, -1, (0, 2), (-1, -3)),
        keepdim=(False, True),
        sizes={"a": (1, 3), "b": (1, 3), "c": (1, 3)},
    )
    .refuses(IndexError, matrix, -3, match=out_of_range)
    .refuses(IndexError, torch.ones(0, 3), 0, match="Expected reduction dim 0 to have non-zero size"),
    case(real("")).at([2.0, 2.0, 2.0], gives=[1 / 3, 1 / 3, 1 / 3]),
)
along_one = (
    case(real("a b c"), dim=(0, 1, -1)).refuses(IndexError, matrix, 2, match=out_of_range),
    case(real(""), dim=(0, -1)),
)


def _restore(reduced: Any, dim: Dims, keepdim: bool, rank: int) -> Any:
    """Gives the reduced dimensions back, at size 1."""
    if not keepdim:
        for d in dims(dim, rank):
            reduced = reduced.unsqueeze(d)
    return reduced


def _spread(g: Any, dim: Dims, keepdim: bool, shape: Sequence[int]) -> Any:
    """The opposite of a sum: the cotangent of the whole for each of its parts."""
    return _restore(g, dim, keepdim, len(shape)).expand(shape)


def _count(shape: Sequence[int], dim: Dims) -> int:
    count = 1
    for d in dims(dim, len(shape)):
        count *= shape[d]
    return count


@op(over_any, torch.sum)
def sum(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    return torch.sum(x, dim, keepdim, dtype=dtype)  # type: ignore[arg-type]


sum.defvjp(x=lambda g, x_like, dim, keepdim: _spread(g, dim, keepdim, x_like.shape))
implements(Tensor.sum)(varargs(sum))


@op(over_any, torch.mean)
def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    return torch.mean(x, dim, keepdim, dtype=dtype)  # type: ignore[arg-type]


mean.defvjp(
    x=lambda g, x_like, dim, keepdim: _spread(g / max(_count(x_like.shape, dim), 1), dim, keepdim, x_like.shape)
)
implements(Tensor.mean)(varargs(mean))


@op(over_some, torch.amax, Tensor.amax)
def amax(x: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """At a tie the cotangent is shared equally, as in torch."""
    return torch.amax(x, dim, keepdim)  # type: ignore[arg-type]


@op(over_some, torch.amin, Tensor.amin)
def amin(x: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """At a tie the cotangent is shared equally, as in torch."""
    return torch.amin(x, dim, keepdim)  # type: ignore[arg-type]


@in_float32  # half precision does not count beyond a few thousand ties
def _extreme(g: Any, ans: Any, x: Any, dim: Dims, keepdim: bool) -> Any:
    rank = len(x.shape)
    ties = (x == _restore(ans, dim, keepdim, rank)).to(x.dtype)
    return _restore(g, dim, keepdim, rank) * ties / ties.sum(dims(dim, rank), keepdim=True)


amax.defvjp(x=_extreme)
amin.defvjp(x=_extreme)


@op(along_one)
def cumsum(x: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    return torch.cumsum(x, dim, dtype=dtype)


cumsum.defvjp(x=lambda g, dim: torch.flip(torch.cumsum(torch.flip(g, (dim,)), dim), (dim,)))


@implements(torch.cumsum, Tensor.cumsum)
def running_sum(x: Any, dim: int, *, dtype: torch.dtype | None = None) -> Any:
    """A number is a vector of one here, because torch.vmap cannot flip what has no dimension inside it."""
    return cumsum(x, dim, dtype=dtype) if x.ndim else cumsum(x.reshape(1), dim, dtype=dtype).reshape(())


@op(
    (
        case(
            real("a b c"),
            dim=(0, -1, (0, 2), (-1, -3)),
            keepdim=(False, True),
            sizes={"a": (1, 3), "b": (1, 3), "c": (1, 3)},
        )
        .refuses(IndexError, matrix, 2, match=out_of_range)
        .refuses(RuntimeError, matrix, (0, -2), match=twice),
    ),
    torch.logsumexp,
    Tensor.logsumexp,
    torch.special.logsumexp,
)
def logsumexp(x: Tensor, dim: int | Sequence[int], keepdim: bool = False) -> Tensor:
    return torch.logsumexp(x, dim, keepdim)  # type: ignore[arg-type]


def _softmax_of(x: Any, ans: Any, dim: Dims, keepdim: bool) -> Any:
    return torch.exp(x - _restore(ans, dim, keepdim, len(x.shape)))


logsumexp.defvjp(
    x=lambda g, ans, x, dim, keepdim: _restore(g, dim, keepdim, len(x.shape)) * _softmax_of(x, ans, dim, keepdim)
)
