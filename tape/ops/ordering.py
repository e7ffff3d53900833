"""Sorting and selecting by size. The order is constant where there are no ties; at a tie the chosen entry
gets the whole cotangent, as in torch."""

from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw
from tape.ops.indexing import gather
from tape.ops.precision import in_float32
from tape.ops.reductions import amax, amin, matrix, out_of_range
from tape.ops.spelling import static

distinct = real("a b", distinct=True)
some = {"a": (1, 3), "b": (2, 4)}


def _to_places(g: Any, ans: Any, x_like: Any, dim: int) -> Any:
    zeros = torch.zeros(x_like.shape, dtype=x_like.dtype, device=x_like.device)
    return torch.scatter_add(zeros, dim, ans[1], g[0])


@op(
    case(distinct, dim=(0, -1), descending=(False, True), stable=(False, True), sizes=some)
    .at([2.0, 1.0, 2.0], gives=[2.0, 1.0, 3.0], cotangent=(torch.tensor([1.0, 2.0, 3.0]).double(), None), stable=True)
    .refuses(IndexError, matrix, 2, match=out_of_range),
)
def sort(x: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> tuple[Tensor, Tensor]:
    return torch.sort(x, dim=dim, descending=descending, stable=stable)


sort.defvjp(x=_to_places)


@implements(torch.sort, Tensor.sort)
def sort_method(x: Any, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    return sort(x, dim, descending, stable=bool(stable))


@op(
    case(distinct, k=(1, 2), dim=(-1,), largest=(False, True), sizes=some)
    .at([2.0, 1.0, 2.0], gives=[1.0, 0.0, 1.0], k=2)
    .refuses(RuntimeError, matrix, 4, match="k out of range")
    .refuses(RuntimeError, matrix, -1, match="k out of range")
    .refuses(IndexError, matrix, 1, 2, match=out_of_range),
    torch.topk,
    Tensor.topk,
)
def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]:
    return torch.topk(x, k, dim, largest, sorted)


topk.defvjp(x=_to_places)


@op(
    case(distinct, dim=(0, 1, -2), keepdim=(False, True), sizes=some)
    .at([1.0, 2.0, 2.0], gives=[0.0, 1.0, 0.0], dim=0)
    .refuses(IndexError, matrix, 2, match=out_of_range)
    .refuses(IndexError, torch.ones(0, 3), 0, match="Expected reduction dim 0 to have non-zero size")
)
def max_along(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """At a tie the cotangent goes to the first, as in torch."""
    return torch.max(x, dim, keepdim)


@op(
    case(distinct, dim=(0, 1, -2), keepdim=(False, True), sizes=some)
    .at([2.0, 1.0, 1.0], gives=[0.0, 1.0, 0.0], dim=0)
    .refuses(IndexError, matrix, 2, match=out_of_range)
    .refuses(IndexError, torch.ones(0, 3), 0, match="Expected reduction dim 0 to have non-zero size")
)
def min_along(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """At a tie the cotangent goes to the first, as in torch."""
    return torch.min(x, dim, keepdim)


def _to_place(g: Any, ans: Any, x_like: Any, dim: int, keepdim: bool) -> Any:
    values, indices = g[0], ans[1]
    if not keepdim and x_like.shape:
        values, indices = values.unsqueeze(dim), indices.unsqueeze(dim)
    zeros = torch.zeros(x_like.shape, dtype=x_like.dtype, device=x_like.device)
    return torch.scatter_add(zeros, dim, indices, values)


max_along.defvjp(x=_to_place)
min_along.defvjp(x=_to_place)


@implements(torch.max, Tensor.max)
def max(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Over everything, along a dimension, or of two tensors."""
    if dim is None:
        return amax(x)
    return max_along(x, dim, keepdim) if isinstance(dim, int) else torch.maximum(x, dim)


@implements(torch.min, Tensor.min)
def min(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Over everything, along a dimension, or of two tensors."""
    if dim is None:
        return amin(x)
    return min_along(x, dim, keepdim) if isinstance(dim, int) else torch.minimum(x, dim)


@op(case(distinct, sizes=some).at([1.0, 2.0, 2.0, 3.0], gives=[0.0, 0.5, 0.5, 0.0]))
def median_of_all(x: Tensor) -> Tensor:
    """At a tie the cotangent is shared equally, as in torch."""
    return torch.median(x)


@in_float32
def _to_equals(g: Any, ans: Any, x: Any) -> Any:
    equal = (x == ans).to(x.dtype)
    return g * equal / equal.sum()


median_of_all.defvjp(x=_to_equals)


@implements(torch.median, Tensor.median)
def median(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the two middle entries, as in torch."""
    if dim is None:
        return median_of_all(x)
    static(dim=dim)
    found = torch.median(raw(x), dim, keepdim)
    places = found.indices if keepdim else found.indices.unsqueeze(dim)
    values = gather(x, dim, places)
    return type(found)((values if keepdim else values.squeeze(dim), found.indices))
