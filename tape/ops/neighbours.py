"""Differences of neighbours, areas under them, and the vector product."""

from typing import Any

import torch
from torch import Tensor

from tape.core.implementing import implements
from tape.ops.spelling import axis


@implements(torch.linalg.cross)
def linalg_cross(x: Any, y: Any, *, dim: int = -1) -> Any:
    if x.shape[dim] != 3 or y.shape[dim] != 3:
        raise ValueError(f"cross: dimension {dim} must have size 3, and has {x.shape[dim]} and {y.shape[dim]}")
    x, y = torch.broadcast_tensors(x, y)
    return x.roll(-1, dim) * y.roll(-2, dim) - x.roll(-2, dim) * y.roll(-1, dim)


@implements(torch.cross, Tensor.cross)
def cross(x: Any, y: Any, dim: int | None = None) -> Any:
    """Along the first dimension of size 3 if none is named."""
    if dim is None:
        if 3 not in x.shape:
            raise ValueError(f"cross: no dimension of shape {tuple(x.shape)} has size 3")
        dim = list(x.shape).index(3)
    return linalg_cross(x, y, dim=dim)


@implements(torch.diff, Tensor.diff)
def diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if x.ndim == 0:
        raise ValueError("diff: a dimension is needed, not a 0-d tensor")
    if n < 0:
        raise ValueError(f"diff: the order must not be negative, and is {n}")
    joined = [part for part in (prepend, x, append) if part is not None]
    x = torch.cat(joined, dim) if len(joined) > 1 else x
    for _ in range(min(n, x.shape[dim])):
        x = x.narrow(dim, 1, x.shape[dim] - 1) - x.narrow(dim, 0, x.shape[dim] - 1)
    return x


@implements(torch.trapezoid, torch.trapz)
def trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    return _trapezoids(y, x, dx, dim).sum(dim)


@implements(torch.cumulative_trapezoid)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    return _trapezoids(y, x, dx, dim).cumsum(dim)


def _trapezoids(y: Any, x: Any, dx: Any, dim: int) -> Any:
    count = y.shape[dim] - 1
    if count < 0:
        raise ValueError(f"trapezoid: dimension {dim} must not be empty")
    both = y.narrow(dim, 1, count) + y.narrow(dim, 0, count)
    if x is None:
        return both * (dx / 2)
    if x.ndim == 1:
        x = x.reshape([-1] + [1] * (y.ndim - 1 - axis(dim, y.ndim)))
        steps = x.narrow(0, 1, x.shape[0] - 1) - x.narrow(0, 0, x.shape[0] - 1)
    else:
        steps = diff(x, dim=dim)
    return both * steps / 2
