"""Diagonals, windows, grids, blocks and turns, composed of indexing, joining and layout."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.implementing import implements
from tape.core.traced import raw
from tape.ops.spelling import axis, static


@implements(torch.diagonal, Tensor.diagonal)
def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    first, second = axis(dim1, x.ndim), axis(dim2, x.ndim)
    if first == second:
        raise ValueError(f"diagonal: dim1 and dim2 must differ, and both name dimension {first}")
    rows, columns = x.shape[first], x.shape[second]
    count = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    start = max(-offset, 0) * columns + max(offset, 0)
    places = start + torch.arange(count, device=x.device) * (columns + 1)
    flat = x.movedim((first, second), (-2, -1)).flatten(-2)
    return torch.index_select(flat, -1, places)


@implements(torch.linalg.diagonal)
def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    return diagonal(A, offset, dim1, dim2)


@implements(torch.diag_embed, Tensor.diag_embed)
def diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The last dimension as the diagonal of a matrix that is zero elsewhere."""
    first, second = axis(dim1, x.ndim + 1), axis(dim2, x.ndim + 1)
    if first == second:
        raise ValueError(f"diag_embed: dim1 and dim2 must differ, and both name dimension {first}")
    if first > second:
        first, second, offset = second, first, -offset
    count = x.shape[-1]
    size = count + abs(offset)
    start = max(-offset, 0) * size + max(offset, 0)
    places = start + torch.arange(count, device=x.device) * (size + 1)
    zeros = torch.zeros((*x.shape[:-1], size * size), dtype=x.dtype, device=x.device)
    matrix = torch.index_add(zeros, -1, places, x).unflatten(-1, (size, size))
    return matrix.movedim((-2, -1), (first, second))


@implements(torch.diag, Tensor.diag)
def diag(x: Any, diagonal: int = 0) -> Any:
    """A matrix of a vector, the diagonal of a matrix."""
    if x.ndim not in (1, 2):
        raise ValueError(f"diag: a vector or a matrix is needed, not shape {tuple(x.shape)}")
    return diag_embed(x, diagonal) if x.ndim == 1 else torch.diagonal(x, diagonal)


@implements(torch.diagflat, Tensor.diagflat)
def diagflat(x: Any, offset: int = 0) -> Any:
    return diag_embed(x.reshape(-1), offset)


@implements(torch.trace, Tensor.trace)
def trace(x: Any) -> Any:
    if x.ndim != 2:
        raise ValueError(f"trace: a matrix is needed, not shape {tuple(x.shape)}")
    return torch.diagonal(x).sum()


@implements(Tensor.unfold)
def windows_along(x: Any, dimension: int, size: int, step: int) -> Any:
    """The windows of a size along a dimension, every `step` entries; their entries become the last dimension."""
    dim = axis(dimension, x.ndim)
    if x.ndim == 0:
        return x.reshape(1)[:size]
    count = (x.shape[dim] - size) // step + 1
    if count < 1:
        raise ValueError(f"unfold: windows of {size} do not fit into dimension {dim} of size {x.shape[dim]}")
    starts = torch.arange(count, device=x.device) * step
    places = starts.unsqueeze(1) + torch.arange(size, device=x.device)
    chosen = torch.index_select(x, dim, places.reshape(-1)).unflatten(dim, (count, size))
    return chosen.movedim(dim + 1, -1)


@implements(torch.fliplr, Tensor.fliplr)
def fliplr(x: Any) -> Any:
    if x.ndim < 2:
        raise ValueError(f"fliplr: 2 or more dimensions are needed, not shape {tuple(x.shape)}")
    return torch.flip(x, (1,))


@implements(torch.flipud, Tensor.flipud)
def flipud(x: Any) -> Any:
    if x.ndim < 1:
        raise ValueError("flipud: a dimension is needed, not a 0-d tensor")
    return torch.flip(x, (0,))


@implements(torch.rot90, Tensor.rot90)
def rot90(x: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    first, second = (axis(d, x.ndim) for d in dims)
    if k % 4 == 0:
        return x.clone()
    if k % 4 == 2:
        return torch.flip(x, (first, second))
    turned = x.transpose(first, second)
    return torch.flip(turned, (first if k % 4 == 1 else second,))


@implements(torch.meshgrid)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Any, ...]:
    """With indexing="xy" the first two dimensions change places; the default is "ij"."""
    if indexing not in (None, "ij", "xy"):
        raise ValueError(f"meshgrid: indexing is 'ij' or 'xy', not {indexing!r}")
    vectors = [x.reshape(-1) for x in tensors]
    shape = [x.shape[0] for x in vectors]
    grids = [
        x.reshape(
            [-1 if i == j else 1 for j in range(len(vectors))] if x.shape[0] else [0] + [1] * (len(shape) - 1)
        ).expand(shape)
        for i, x in enumerate(vectors)
    ]
    swapped = indexing == "xy" and len(grids) > 1
    return tuple(grid.transpose(0, 1) if swapped else grid for grid in grids)


@implements(torch.cartesian_prod)
def cartesian_prod(*tensors: Any) -> Any:
    return tensors[0] if len(tensors) == 1 else torch.stack([grid.reshape(-1) for grid in meshgrid(*tensors)], 1)


@implements(torch.combinations)
def combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """Every choice of r entries of a vector, a row each."""
    static(r=r)
    return x[torch.combinations(torch.arange(x.shape[0], device=x.device), r, with_replacement)]


@implements(torch.block_diag)
def block_diag(*tensors: Any) -> Any:
    blocks = [torch.atleast_2d(x) for x in tensors]
    width = sum(block.shape[1] for block in blocks)
    rows, before = [], 0
    for block in blocks:
        rows.append(F.pad(block, (before, width - before - block.shape[1])))
        before += block.shape[1]
    return torch.cat(rows)


@implements(F.pixel_shuffle, torch.pixel_shuffle)
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(..., C r², H, W) to (..., C, H r, W r)."""
    channels = input.shape[-3]
    r = upscale_factor
    if channels % (r * r):
        raise ValueError(f"pixel_shuffle: {channels} channels are no multiple of {r * r}")
    split = input.unflatten(-3, (channels // (r * r), r, r))
    moved = split.movedim((-4, -3), (-3, -1))
    return moved.flatten(-2).flatten(-3, -2)


@implements(F.pixel_unshuffle, torch.pixel_unshuffle)
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(..., C, H r, W r) to (..., C r², H, W)."""
    r = downscale_factor
    if input.shape[-1] % r or input.shape[-2] % r:
        raise ValueError(f"pixel_unshuffle: an image of {tuple(input.shape[-2:])} cannot be divided by {r}")
    split = input.unflatten(-1, (input.shape[-1] // r, r)).unflatten(-3, (input.shape[-2] // r, r))
    return split.movedim((-3, -1), (-4, -3)).flatten(-5, -3)


@implements(F.channel_shuffle, torch.channel_shuffle)
def channel_shuffle(input: Any, groups: int) -> Any:
    if input.shape[1] % groups:
        raise ValueError(f"channel_shuffle: {input.shape[1]} channels are no multiple of {groups} groups")
    return input.unflatten(1, (groups, input.shape[1] // groups)).transpose(1, 2).flatten(1, 2)


@implements(Tensor.sum_to_size)
def sum_to_size(x: Any, *size: Any) -> Any:
    """The opposite of a broadcast to `x`'s shape."""
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    static(size=shape)
    extra = x.ndim - len(shape)
    if torch.broadcast_shapes(shape, tuple(x.shape)) != raw(x).shape:
        raise ValueError(f"sum_to_size: {tuple(shape)} does not broadcast to {tuple(x.shape)}")
    stretched = [d + extra for d, n in enumerate(shape) if n == 1 and x.shape[d + extra] != 1]
    gone = [*range(extra), *stretched]
    return x.sum(gone, keepdim=True).reshape(shape) if gone else x
