"""Writing into places: values that replace what a tensor has there."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw
from tape.ops.indexing import _gathered, matrix, out_of_bounds, put
from tape.ops.spelling import axis


@op(
    (
        case(real("3 b"), dim=(0,), index=(torch.tensor([[2], [0]]),), src=(real("2 1"),), sizes={"b": (1, 3)})
        .refuses(RuntimeError, matrix, 0, torch.tensor([[5]]), torch.ones(1, 1), match=out_of_bounds)
        .refuses(RuntimeError, matrix, 0, torch.tensor([[0, 0]]), torch.ones(1, 1), match="no larger size than src"),
        case(real("3 b"), dim=(0,), index=(torch.tensor([[2], [0]]),), src=(real("4 2"),), sizes={"b": (1, 3)}),
    )
)
def scatter_from(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Where an index names a place twice, either value may stay, and both get the place's cotangent, as in torch."""
    return torch.scatter(x, dim, index, src)


def _cleared(g: Any, dim: int, index: Any) -> Any:
    return scatter_from(g, dim, index, torch.zeros_like(index, dtype=g.dtype))


scatter_from.defvjp(x=_cleared, index=None, src=_gathered)


@implements(torch.scatter, Tensor.scatter)
def scatter(x: Any, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Any:
    """Of a tensor or a number. To reduce, use `scatter_add`."""
    source = value if src is None else src
    if not isinstance(raw(source), Tensor):
        source = torch.full(index.shape, source, dtype=x.dtype, device=x.device)
    elif source.ndim == 0 and index.ndim:  # it stands once where an index names a place twice
        return torch.where(torch.zeros(x.shape, dtype=torch.bool, device=x.device).scatter(dim, index, True), source, x)
    return scatter_from(x, dim, index, source)


@implements(torch.index_copy, Tensor.index_copy)
def index_copy(x: Any, dim: int, index: Tensor, source: Any) -> Any:
    """An index must not name a place twice, as in torch."""
    if x.ndim == 0:
        return source.reshape(()) + x * 0
    if source.ndim == 0:
        source = source.reshape(1)
    written = put(x.movedim(dim, 0), (index.reshape(-1),), source.movedim(dim, 0))
    return written.movedim(0, dim)


@implements(torch.index_fill, Tensor.index_fill)
def index_fill(x: Any, dim: int, index: Tensor, value: Any) -> Any:
    size = x.shape[dim] if x.ndim else 1
    named = torch.zeros(size, dtype=torch.bool, device=x.device).index_fill(0, index.reshape(-1), True)
    shape = [-1 if d == axis(dim, x.ndim) else 1 for d in range(x.ndim)]
    return torch.where(named.reshape(shape), value, x)


@implements(torch.select_scatter, Tensor.select_scatter)
def select_scatter(x: Any, src: Any, dim: int, index: int) -> Any:
    place = torch.tensor([range(x.shape[dim])[index]], device=x.device)
    return index_copy(x, dim, place, src.unsqueeze(dim))


@implements(torch.slice_scatter, Tensor.slice_scatter)
def slice_scatter(
    x: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    return index_copy(x, dim, torch.arange(x.shape[dim], device=x.device)[start:end:step], src)


@implements(torch.masked_scatter, Tensor.masked_scatter)
def masked_scatter(x: Any, mask: Tensor, source: Any) -> Any:
    """The first entries of `source` in order, where the mask is true."""
    x, mask = torch.broadcast_tensors(x, mask)
    places = mask.reshape(-1).nonzero().squeeze(1)
    if len(places) > math.prod(source.shape):
        raise ValueError(f"masked_scatter: the mask has {len(places)} places for {math.prod(source.shape)} values")
    return index_copy(x.reshape(-1), 0, places, source.reshape(-1)[: len(places)]).reshape(x.shape)


@implements(torch.take, Tensor.take)
def take(x: Any, index: Tensor) -> Any:
    return x.reshape(-1)[index]


@implements(torch.put, Tensor.put)
def put_flat(x: Any, index: Tensor, source: Any, accumulate: bool = False) -> Any:
    return put(x.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(x.shape)


@implements(F.embedding)
def embedding(
    input: Tensor,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Rows of `weight`; the row `padding_idx` gets no cotangent. `norm_type` has no part without `max_norm`."""
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise NotImplementedError("embedding: max_norm, scale_grad_by_freq and sparse are not supported")
    rows = torch.index_select(weight, 0, input.reshape(-1)).reshape((*input.shape, weight.shape[1]))
    if padding_idx is None:
        return rows
    padding = (input == padding_idx % weight.shape[0]).unsqueeze(-1)
    return torch.where(padding, raw(rows), rows)
