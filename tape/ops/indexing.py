"""Indexing and gathering, and the scattering that is their transpose."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, integer, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw, raw_tree
from tape.ops.spelling import axis

matrix = torch.ones(2, 3)
out_of_bounds = "index 5 is out of bounds for dimension 0 with size"
some = {"a": (1, 3), "b": (1, 3), "c": (1, 3)}
indices = (
    0,
    slice(1, None, 2),
    None,
    (Ellipsis, -1),
    (slice(None), None, slice(0, 2)),
    torch.tensor([0, 2, 0]),
    (torch.tensor([2, 0]), slice(None), torch.tensor([1, 1])),
    (slice(None), torch.tensor([[0, 1], [1, 1]])),
    torch.tensor([True, False, True]),
)


@op(
    case(real("3 2 2"), index=indices)
    .refuses(IndexError, matrix, index=5, match=out_of_bounds)
    .refuses(IndexError, matrix, index=torch.tensor([5]), match=out_of_bounds)
    .refuses(IndexError, matrix, index=(0, 0, 0), match="too many indices")
    .refuses(IndexError, matrix, index=torch.tensor([True, False, True]), match="The shape of the mask [3]")
)
def index(x: Tensor, *, index: Any) -> Tensor:
    return x[index]


@op(
    (
        case(real("2 b"), index=(slice(1, None, 2),), shape=((4, 3),), sizes={"b": (3, 3)}),
        case(real("3"), index=(torch.tensor([0, 2, 0]),), shape=((3,),))
        .refuses(IndexError, torch.ones(1), index=torch.tensor([5]), shape=(3,), match=out_of_bounds)
        .refuses(ValueError, torch.ones(2, 3), index=torch.ones(3, 2).long(), shape=(3,), match="x has shape (2, 3)"),
    )
)
def scatter_into_zeros(x: Tensor, *, index: Any, shape: Sequence[int]) -> Tensor:
    """The transpose of indexing: zeros of a shape, with `x` added at an index."""
    zeros = x.new_zeros(shape)
    if _is_basic(index):
        zeros[index] = x
        return zeros
    flat = torch.arange(zeros.numel(), device=x.device).reshape(tuple(shape))[index]
    if x.shape != flat.shape:
        raise ValueError(
            f"scatter_into_zeros: x has shape {tuple(x.shape)}, and the index names places of shape "
            f"{tuple(flat.shape)} in {tuple(shape)}; they must be the same"
        )
    return zeros.flatten().index_add(0, flat.flatten(), x.reshape(-1)).reshape(tuple(shape))


def _is_basic(index: Any) -> bool:
    """Whether an index names no element twice: it has no tensors or lists."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, slice)) for part in parts)


index.defvjp(x=lambda g, x_like, index: scatter_into_zeros(g, index=index, shape=x_like.shape))
scatter_into_zeros.defvjp(x=lambda g, index: g[index])


@implements(Tensor.__getitem__)
def getitem(x: Any, key: Any) -> Any:
    # A traced value can only be an index if it holds integers, and those are plain tensors.
    return index(x, index=raw_tree(key) if not _is_basic(key) else key)


@op(
    (
        case(real("3 b"), (torch.tensor([2, 0]),), real("2 b"), accumulate=(False, True))
        .refuses(RuntimeError, matrix, (torch.tensor([0, 1]),), torch.ones(3, 3), match="shape mismatch: value tensor")
        .refuses(IndexError, matrix, (torch.tensor([5]),), torch.ones(1, 3), match=out_of_bounds),
        case(real("3 b"), (torch.tensor([1, 1]),), real("2 b"), accumulate=(True,)),
    )
)
def put(x: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False) -> Tensor:
    """`x` with `values`, which have the shape of `x[indices]`, in the places that indices name, or added there."""
    return torch.index_put(x, list(indices), values, accumulate)


def _kept(g: Any, indices: Any, accumulate: bool) -> Any:
    return g if accumulate else put(g, indices, torch.zeros_like(g[tuple(indices)]))


put.defvjp(x=_kept, indices=None, values=lambda g, indices: g[tuple(indices)])


@implements(torch.index_put, Tensor.index_put)
def index_put(x: Any, indices: Sequence[Tensor], values: Any, accumulate: bool = False) -> Any:
    return put(x, tuple(indices), values.expand(raw(x)[tuple(indices)].shape), accumulate)


@op(
    case(real("a b c"), dim=(0, -1), index=(torch.tensor([0, 0]),), sizes=some)
    .refuses(IndexError, matrix, 0, torch.tensor([5]), match="index out of range")
    .refuses(IndexError, matrix, 2, torch.tensor([0]), match="Dimension out of range")
    .refuses(IndexError, matrix, 0, torch.tensor([[0]]), match="Index is supposed to be a vector"),
    torch.index_select,
    Tensor.index_select,
)
def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    return torch.index_select(x, dim, index)


@op(
    case(real("a 2 c"), 1, torch.tensor([0, 1, 1, 0]), real("a 4 c"), alpha=(1, -2.5), sizes=some)
    .refuses(RuntimeError, matrix, 0, torch.tensor([0]), matrix, match="Number of indices (1) should be equal")
    .refuses(RuntimeError, matrix, 0, torch.tensor([5]), torch.ones(1, 3), match=out_of_bounds),
    torch.index_add,
    Tensor.index_add,
)
def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    return torch.index_add(x, dim, index, source, alpha=alpha)


def _zeros_like(x: Any) -> Tensor:
    return torch.zeros(x.shape, dtype=x.dtype, device=x.device)


index_select.defvjp(x=lambda g, x_like, dim, index: torch.index_add(_zeros_like(x_like), dim, index, g), index=None)
index_add.defvjp(
    x=lambda g: g, index=None, source=lambda g, dim, index, alpha: torch.index_select(g, dim, index) * alpha
)


@op(
    case(real("a b"), dim=(0, 1, -1), index=(integer("a b", below=1),), sizes=some)
    .refuses(RuntimeError, matrix, 0, torch.tensor([[5]]), match=out_of_bounds)
    .refuses(RuntimeError, matrix, 0, torch.tensor([0]), match="must have the same number of dimensions")
    .refuses(IndexError, matrix, 2, torch.tensor([[0]]), match="Dimension out of range"),
    torch.gather,
    Tensor.gather,
)
def gather(x: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    return torch.gather(x, dim, index)


@op(
    (
        case(real("3 b"), dim=(0,), index=(integer("4 b", below=3),), src=(real("4 b"),))
        .refuses(RuntimeError, matrix, 0, torch.tensor([[5]]), torch.ones(1, 1), match=out_of_bounds)
        .refuses(RuntimeError, matrix, 0, torch.tensor([[0, 0]]), torch.ones(1, 1), match="no larger size than src"),
        case(real("3 3"), dim=(-1,), index=(integer("3 2", below=3),), src=(real("4 3"),)),
    ),
    torch.scatter_add,
    Tensor.scatter_add,
)
def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    return torch.scatter_add(x, dim, index, src)


gather.defvjp(x=lambda g, x_like, dim, index: torch.scatter_add(_zeros_like(x_like), dim, index, g), index=None)


def _gathered(g: Any, dim: int, index: Any, src_like: Any) -> Any:
    # Entries of src beyond the index are not used.
    spare = [n for s, i in zip(reversed(src_like.shape), reversed(index.shape), strict=True) for n in (0, s - i)]
    return F.pad(torch.gather(g, dim, index), spare)


scatter_add.defvjp(x=lambda g: g, index=None, src=_gathered)


@implements(torch.take_along_dim, Tensor.take_along_dim)
def take_along_dim(x: Any, indices: Tensor, dim: int | None = None) -> Any:
    if dim is None:
        return take_along_dim(x.reshape(-1), indices.reshape(-1), 0)
    dim = axis(dim, x.ndim)
    indices = torch.where(indices < 0, indices + x.shape[dim], indices)
    shape = torch.broadcast_shapes(_without(x.shape, dim), _without(indices.shape, dim))
    places = indices.expand((*shape[:dim], indices.shape[dim], *shape[dim + 1 :]))
    return gather(x.expand((*shape[:dim], x.shape[dim], *shape[dim + 1 :])), dim, places)


def _without(shape: Sequence[int], dim: int) -> tuple[int, ...]:
    return (*shape[:dim], 1, *shape[dim + 1 :])


@implements(torch.select, Tensor.select)
def select(x: Any, dim: int, index: int) -> Any:
    return getitem(x, (slice(None),) * axis(dim, x.ndim) + (index,))


@implements(torch.narrow, Tensor.narrow)
def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    size = x.shape[dim]
    first = start + size if start < 0 else start
    if not 0 <= first <= first + length <= size:
        raise IndexError(f"narrow: {length} entries from {start} are not within dimension {dim} of size {size}")
    return getitem(x, (slice(None),) * axis(dim, x.ndim) + (slice(first, first + length),))


@implements(torch.masked_select, Tensor.masked_select)
def masked_select(x: Any, mask: Tensor) -> Any:
    x, mask = torch.broadcast_tensors(x, mask)
    return getitem(x, mask)
