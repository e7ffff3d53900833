"""Joining tensors, and taking them apart."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op


@op(
    case((real("a b"), real("a 2"), real("a b")), dim=(1, -1))
    .refuses(ValueError, (), match="expected a non-empty list")
    .refuses(RuntimeError, (torch.ones(2, 3), torch.ones(2, 4)), match="must match except in dimension 0")
    .refuses(IndexError, (torch.ones(2, 3), torch.ones(2, 4)), 2, match="Dimension out of range"),
    torch.cat,
    torch.concat,
    torch.concatenate,
)
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    return torch.cat(list(tensors), dim)


def _split_like(g: Any, tensors_like: Any, dim: int) -> Any:
    rank = g.ndim
    # torch joins an empty tensor of one dimension to anything
    sizes = [like.shape[dim] if len(like.shape) == rank else 0 for like in tensors_like]
    parts = torch.split(g, sizes, dim)
    return [part.reshape(like.shape) for part, like in zip(parts, tensors_like, strict=True)]


cat.defvjp(tensors=_split_like)


@op(
    case((real("a b"), real("a b")), dim=(0, 1, -1))
    .refuses(RuntimeError, (), match="expects a non-empty TensorList")
    .refuses(RuntimeError, (torch.ones(2, 3), torch.ones(2, 4)), match="expects each tensor to be equal size")
    .refuses(IndexError, (torch.ones(2),), 2, match="Dimension out of range"),
    torch.stack,
)
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    return torch.stack(list(tensors), dim)


stack.defvjp(tensors=lambda g, dim: torch.unbind(g, dim))


@implements(torch.hstack)
def hstack(tensors: Sequence[Any]) -> Any:
    rows = [torch.atleast_1d(x) for x in tensors]
    return cat(rows, 0 if rows[0].ndim == 1 else 1)


@implements(torch.vstack, torch.row_stack)
def vstack(tensors: Sequence[Any]) -> Any:
    return cat([torch.atleast_2d(x) for x in tensors], 0)


def _at_least(rank: int) -> Callable[..., Any]:
    def widened(x: Any) -> Any:
        if x.ndim >= rank:
            return x
        if rank == 3 and x.ndim:  # a vector lies in the middle, a matrix in front
            return x.reshape((*((1,) * (2 - x.ndim)), *x.shape, 1))
        return x.reshape((1,) * (rank - x.ndim) + tuple(x.shape))

    def at_least(*tensors: Any) -> Any:
        if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
            return widened(tensors[0])
        return tuple(widened(x) for x in (tensors[0] if len(tensors) == 1 else tensors))

    at_least.__name__ = f"atleast_{rank}d"
    return at_least


for _rank, _function in {1: torch.atleast_1d, 2: torch.atleast_2d, 3: torch.atleast_3d}.items():
    implements(_function)(_at_least(_rank))


# One step whatever the number of parts: a step for each would give each a cotangent of the size of the whole.
@op(
    case(real("6 b"), split_sizes=((1, 2, 3), (6,), (0, 6)), dim=(0, -2), sizes={"b": (1, 3)})
    .refuses(ValueError, torch.ones(2, 3), (1, 2), match="the sizes (1, 2) do not add up to the 2 of dimension 0")
    .refuses(IndexError, torch.ones(2, 3), (2,), 2, match="out of range"),
    torch.split_with_sizes,
    Tensor.split_with_sizes,
)
def split_with_sizes(x: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    size = x.shape[dim]
    if sum(split_sizes) != size:
        raise ValueError(f"split: the sizes {tuple(split_sizes)} do not add up to the {size} of dimension {dim}")
    return tuple(torch.split_with_sizes(x, list(split_sizes), dim))


split_with_sizes.defvjp(x=lambda g, dim: torch.cat(g, dim))


@implements(torch.split, Tensor.split)
def split(x: Any, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    size, step = x.shape[dim], split_size_or_sections
    if not isinstance(step, int):
        return split_with_sizes(x, tuple(step), dim)
    return split_with_sizes(x, tuple(min(step, size - start) for start in range(0, size, step)) or (0,), dim)


@implements(torch.chunk, Tensor.chunk)
def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    size = x.shape[dim]
    return split(x, math.ceil(size / chunks) if size else [0] * chunks, dim)


@op(
    case(real("2 3"), dim=(0, 1, -1))
    .refuses(IndexError, torch.ones(2, 3), 2, match="Dimension out of range")
    .refuses(IndexError, torch.ones(()), match="Dimension specified as 0 but tensor has no dimensions"),
    torch.unbind,
    Tensor.unbind,
)
def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    return torch.unbind(x, dim)


unbind.defvjp(x=lambda g, dim: torch.stack(g, dim))


@op(
    (
        case(real("a b c"), pad=((1, 2), (0, 1, 2, 0), (1, 1, 0, 1, 2, 2))),
        case(real("5 5"), pad=((-1, 1, 2, -2),))
        .refuses(ValueError, torch.ones(2, 3), pad=(-2, -2), match="cannot crop (2, 2) entries of a dimension of 3")
        .refuses(RuntimeError, torch.ones(2, 3), pad=(1,), match="must be divisible by 2")
        .refuses(RuntimeError, torch.ones(3), pad=(0, 0, 1, 1), match="two times the input dimension"),
    )
)
def pad_constant(x: Tensor, *, pad: Sequence[int], value: float = 0.0) -> Tensor:
    """`x` with `pad` entries of `value` before and after each of its last dimensions; negative ones crop."""
    for size, before, after in zip(reversed(x.shape), pad[::2], pad[1::2], strict=False):
        crop = max(-before, 0), max(-after, 0)
        if crop[0] + crop[1] > size:
            raise ValueError(f"pad: cannot crop {crop} entries of a dimension of {size}, by pad={tuple(pad)}")
    return F.pad(x, list(pad), value=value)


pad_constant.defvjp(x=lambda g, pad: pad_constant(g, pad=tuple(-p for p in pad)))
pad_constant.keep_recipe()


@implements(F.pad)
def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    if mode == "constant":
        return pad_constant(x, pad=tuple(pad), value=value or 0.0)
    for i in range(len(pad) // 2):
        dim = x.ndim - 1 - i
        x = torch.index_select(x, dim, _places(x.shape[dim], pad[2 * i], pad[2 * i + 1], mode, x.device))
    return x


def _places(size: int, before: int, after: int, mode: str, device: Any) -> Tensor:
    """Which entries a padded dimension repeats. A circle is what negative padding has left of the dimension."""
    start = max(-before, 0)
    left = size - start - max(-after, 0)
    if mode == "circular" and left > 0 and before <= left and after <= left:
        return torch.arange(-max(before, 0), left + max(after, 0), device=device) % left + start
    places = torch.arange(-before, size + after, device=device)
    if mode == "replicate":
        return places.clamp(0, size - 1)
    if mode == "reflect" and before < size and after < size:
        return (size - 1) - ((size - 1) - places.abs()).abs()
    raise ValueError(f"pad: cannot pad a dimension of {size} by ({before}, {after}) in mode {mode!r}")


@implements(torch._C._nn.pad_sequence)
def pad_sequence(
    sequences: Sequence[Any], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Any:
    """`torch.nn.utils.rnn.pad_sequence`: sequences of different lengths, side by side."""
    longest = max(len(x) for x in sequences)

    def padded(x: Any) -> Any:
        filling = torch.full((longest - len(x), *x.shape[1:]), padding_value, dtype=x.dtype, device=x.device)
        return torch.cat([x, filling] if padding_side == "right" else [filling, x])

    return torch.stack([padded(x) for x in sequences], 0 if batch_first else 1)
