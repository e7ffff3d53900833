"""Shape and order: the same numbers in another arrangement."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import Traced
from tape.ops.spelling import as_tuple, axis, varargs

Sizes = int | Sequence[int]

matrix = torch.ones(2, 3)
of_matrices = case(real("... n m"), diagonal=(0, 1, -1)).refuses(
    RuntimeError, torch.ones(3), match="must have at least 2 dimensions"
)


@op(
    (
        case(real("a 6 b"), shape=((-1, 6), (3, 2, -1)), sizes={"a": (1, 3), "b": (1, 3)})
        .refuses(RuntimeError, matrix, (4, -1), match="shape '[4, -1]' is invalid for input of size 6")
        .refuses(RuntimeError, matrix, (-1, -1), match="only one dimension can be inferred"),
        case(real(""), shape=((1, 1), -1)),
    ),
    torch.reshape,
)
def reshape(x: Tensor, shape: Sizes) -> Tensor:
    return torch.reshape(x, as_tuple(shape))


reshape.defvjp(x=lambda g, x_like: g.reshape(x_like.shape))
reshape.keep_recipe()
implements(Tensor.reshape)(varargs(reshape))


@op(
    (
        case(real("a b c"), dims=((2, 0, 1), (0, -1, 1)))
        .refuses(RuntimeError, matrix, (0, 0), match="duplicate dims are not allowed")
        .refuses(RuntimeError, matrix, (0,), match="does not match the length of the desired ordering")
        .refuses(IndexError, matrix, (0, 2), match="Dimension out of range"),
        case(real(""), dims=((),)),
    ),
    torch.permute,
)
def permute(x: Tensor, dims: Sequence[int]) -> Tensor:
    return torch.permute(x, as_tuple(dims))


def _inverse(permutation: Sequence[int]) -> tuple[int, ...]:
    rank = len(permutation)
    positions = {d % rank: i for i, d in enumerate(permutation)}
    return tuple(positions[d] for d in range(rank))


permute.defvjp(x=lambda g, dims: g.permute(_inverse(as_tuple(dims))))
permute.keep_recipe()
implements(Tensor.permute)(varargs(permute))


@op(
    (
        case(real("1 b 1"), size=((2, 3, -1, 4), (0, -1, 2)))
        .refuses(RuntimeError, matrix, (2, 4), match="expanded size of the tensor (4) must match the existing size (3)")
        .refuses(RuntimeError, matrix, 3, match="must be greater or equal to the number of dimensions"),
        case(real(""), size=((2, 3),)),
    )
)
def expand(x: Tensor, size: Sizes, implicit: bool = False) -> Tensor:
    return x.expand(as_tuple(size), implicit=implicit)


expand.defvjp(x=lambda g: g)
expand.keep_recipe()  # an expansion is a broadcast, which the sweep undoes
implements(Tensor.expand)(varargs(expand))


@op(
    case(real("a b c"), dims=((0,), (0, 2), (-1, -3)))
    .refuses(IndexError, matrix, 2, match="Dimension out of range")
    .refuses(RuntimeError, matrix, (0, -2), match="appears multiple times"),
    torch.flip,
)
def flip(x: Tensor, dims: Sizes) -> Tensor:
    return torch.flip(x, as_tuple(dims))


flip.defvjp(x=lambda g, dims: torch.flip(g, as_tuple(dims)))
implements(Tensor.flip)(varargs(flip))


@op(
    (
        case(real("a b"), shifts=(1, -2), dims=(0, -1, None), sizes={"a": (1, 3), "b": (1, 3)})
        .refuses(IndexError, matrix, 1, 2, match="Dimension out of range")
        .refuses(RuntimeError, matrix, (1, 2), 0, match="shifts and dimensions must align"),
        case(real("a b"), shifts=((1, -2),), dims=((0, -1),), sizes={"a": (1, 3), "b": (1, 3)}),
    ),
    torch.roll,
    Tensor.roll,
)
def roll(x: Tensor, shifts: Sizes, dims: Sizes | None = None) -> Tensor:
    return torch.roll(x, shifts, dims)  # type: ignore[arg-type]


roll.defvjp(x=lambda g, shifts, dims: torch.roll(g, tuple(-s for s in as_tuple(shifts)), dims))


@op(of_matrices, torch.tril, Tensor.tril)
def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    return torch.tril(x, diagonal)


tril.defvjp(x=lambda g, diagonal: torch.tril(g, diagonal))


@op(of_matrices, torch.triu, Tensor.triu)
def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    return torch.triu(x, diagonal)


triu.defvjp(x=lambda g, diagonal: torch.triu(g, diagonal))


def view(x: Any, size: Any) -> Any:
    if isinstance(size, torch.dtype):
        raise TypeError("view(dtype) reinterprets bits and has no derivative; convert with .to(dtype)")
    return reshape(x, size)


implements(Tensor.view)(varargs(view))


@implements(Tensor.view_as, Tensor.reshape_as)
def reshape_as(x: Any, other: Any) -> Any:
    return reshape(x, other.shape)


@implements(torch.ravel, Tensor.ravel)
def ravel(x: Any) -> Any:
    return reshape(x, (-1,) if math.prod(x.shape) else (0,))


@implements(torch.flatten, Tensor.flatten)
def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if x.ndim == 0:
        return reshape(x, (1,))
    start, end = axis(start_dim, x.ndim), axis(end_dim, x.ndim)
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@implements(torch.unflatten, Tensor.unflatten)
def unflatten(x: Any, dim: int, sizes: Sequence[int]) -> Any:
    dim = axis(dim, x.ndim)
    sizes = list(sizes)
    if -1 in sizes:
        sizes[sizes.index(-1)] = x.shape[dim] // -math.prod(sizes)
    return reshape(x, (*x.shape[:dim], *sizes, *x.shape[dim + 1 :]))


@implements(torch.unsqueeze, Tensor.unsqueeze)
def unsqueeze(x: Any, dim: int) -> Any:
    dim = axis(dim, x.ndim + 1)
    return reshape(x, (*x.shape[:dim], 1, *x.shape[dim:]))


@implements(torch.squeeze, Tensor.squeeze)
def squeeze(x: Any, dim: Sizes | None = None) -> Any:
    among = range(x.ndim) if dim is None else [axis(d, x.ndim) for d in as_tuple(dim)]
    return reshape(x, tuple(size for d, size in enumerate(x.shape) if size != 1 or d not in among))


@implements(torch.transpose, torch.swapdims, Tensor.transpose, Tensor.swapdims)
def transpose(x: Any, dim0: int, dim1: int) -> Any:
    order = list(range(x.ndim))
    if order:
        order[dim0], order[dim1] = order[dim1], order[dim0]
    return permute(x, tuple(order))


@implements(torch.swapaxes, Tensor.swapaxes)
def swapaxes(x: Any, axis0: int, axis1: int) -> Any:
    return transpose(x, axis0, axis1)


@implements(torch.t, Tensor.t)
def t(x: Any) -> Any:
    if x.ndim > 2:
        raise ValueError(f"t: a matrix is needed, not shape {tuple(x.shape)}; permute(...) orders more dimensions")
    return reverse_dimensions(x)


def reverse_dimensions(x: Any) -> Any:
    return permute(x, tuple(reversed(range(x.ndim))))


@implements(torch.adjoint, Tensor.adjoint)
def matrix_transpose(x: Any) -> Any:
    return transpose(x, -2, -1)


@implements(torch.movedim, torch.moveaxis, Tensor.movedim, Tensor.moveaxis)
def movedim(x: Any, source: Sizes, destination: Sizes) -> Any:
    sources = [axis(d, x.ndim) for d in as_tuple(source)]
    destinations = [axis(d, x.ndim) for d in as_tuple(destination)]
    order: list[int] = [-1] * x.ndim
    for s, d in zip(sources, destinations, strict=True):
        order[d] = s
    rest = iter(d for d in range(x.ndim) if d not in sources)
    return permute(x, tuple(next(rest) if d == -1 else d for d in order))


@implements(torch.broadcast_to)
def broadcast_to(x: Any, size: Sizes) -> Any:
    return expand(x, size)


implements(Tensor.broadcast_to)(varargs(broadcast_to))


@implements(Tensor.expand_as)
def expand_as(x: Any, other: Any) -> Any:
    return expand(x, other.shape)


@implements(torch.broadcast_tensors)
def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    shape = torch.broadcast_shapes(*(x.shape for x in tensors))
    return tuple(x.expand(shape) for x in tensors)


@implements(torch.tile)
def tile(x: Any, dims: Sizes) -> Any:
    """`x` repeated along each dimension; missing dimensions are added on the left, of either."""
    times = as_tuple(dims)
    times = (1,) * (x.ndim - len(times)) + times
    x = reshape(x, (1,) * (len(times) - x.ndim) + tuple(x.shape))
    interleaved = [n for pair in zip((1,) * len(times), x.shape, strict=True) for n in pair]
    stretched = [n for pair in zip(times, x.shape, strict=True) for n in pair]
    whole = tuple(n * size for n, size in zip(times, x.shape, strict=True))
    return reshape(expand(reshape(x, interleaved), stretched), whole)


implements(Tensor.tile)(varargs(tile))


def repeat(x: Any, repeats: Sizes) -> Any:
    times = as_tuple(repeats)
    if len(times) < x.ndim:
        raise ValueError(f"repeat: {len(times)} numbers of repeats for {x.ndim} dimensions; give one for each")
    return tile(x, times)


implements(Tensor.repeat)(varargs(repeat))


@implements(Tensor.__reversed__)
def reversed_rows(x: Any) -> Any:
    return flip(x, 0) if x.ndim else x


for _name, _function in {"T": reverse_dimensions, "mT": matrix_transpose, "H": t, "mH": matrix_transpose}.items():
    setattr(Traced, _name, property(_function))
