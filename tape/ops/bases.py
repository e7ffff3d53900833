"""Windows of images in another basis: a small matrix along each dimension, as one product for the whole batch; and what
convolves in such a basis, place by place.
"""

from functools import lru_cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.registry import op
from tape.ops.precision import is_half

Matrix = tuple[tuple[float, ...], ...]
Sides = tuple[int, int, int, int]  # zeros on the left, on the right, at the top, at the bottom; negative ones crop

few = {"n": (1, 2), "c": (1, 2)}
overlapping = ((1.0, -2.0, 0.5), (0.0, 1.5, 1.0))  # from three pixels to two numbers
beside = ((1.0, 0.5), (-1.0, 2.0), (0.25, 1.0))


@op(
    (
        case(real("n 5 6 c"), matrix=(overlapping,), step=(2,), sides=((0, 0, 0, 0), (1, 1, 0, 2)), sizes=few),
        case(real("n 4 3 c"), matrix=(beside,), step=(2,), sides=((0, 0, 0, 0), (0, 1, -1, 0)), sizes=few),
    )
)
def change_windows(x: Tensor, *, matrix: Matrix, step: int, sides: Sides = (0, 0, 0, 0)) -> Tensor:
    """(N, H, W, C) to (places, N * windows, C): for each window w, `matrix @ w @ matrix.T`, each entry a place.

    A window has as many rows and columns as the matrix has columns, and lies `step` pixels from the next; what the
    last ones lack is zero. The place (i, j) is at j * rows of the matrix + i.
    """
    if is_half(x):  # the numbers of another basis are sums that cancel later
        return change_windows(x.float(), matrix=matrix, step=step, sides=sides).to(x.dtype)
    n, _, _, channels = x.shape
    span, (down, across) = len(matrix[0]), _window_counts(x.shape, len(matrix[0]), step, sides)
    left, _, top, _ = sides
    height, width = step * (down - 1) + span, step * (across - 1) + span
    x = F.pad(x, (0, 0, left, width - left - x.shape[2], top, height - top - x.shape[1]))
    windows = x.unfold(1, span, step).unfold(2, span, step).permute(5, 4, 0, 1, 2, 3)
    windows = windows.reshape(span**2, n * down * across * channels)
    return (_in_both(matrix, x.dtype, x.device) @ windows).reshape(len(matrix) ** 2, n * down * across, channels)


@op(
    (
        case(real("4 4 2"), matrix=(overlapping,), step=(2,), shape=((1, 5, 4, 2),), sides=((0, 1, 0, 0),)),
        case(real("9 8 1"), matrix=(beside,), step=(2,), shape=((2, 3, 4, 1),)),
        case(real("9 2 1"), matrix=(beside,), step=(2,), shape=((1, 5, 2, 1),), sides=((0, 0, -1, 0),)),
    )
)
def add_changed_windows(
    x: Tensor, *, matrix: Matrix, step: int, shape: tuple[int, int, int, int], sides: Sides = (0, 0, 0, 0)
) -> Tensor:
    """The transpose of `change_windows`: images of a shape, with each window added in its place."""
    if is_half(x):
        return add_changed_windows(x.float(), matrix=matrix, step=step, shape=shape, sides=sides).to(x.dtype)
    n, height, width, channels = shape
    span, (down, across) = len(matrix[0]), _window_counts(shape, len(matrix[0]), step, sides)
    parts = _in_both(matrix, x.dtype, x.device).mT @ x.reshape(len(matrix) ** 2, n * down * across * channels)
    image = _laid(parts.reshape(span, span, n, down, across, channels), step)
    left, _, top, _ = sides
    if min(left, top) < 0:
        return F.pad(image, (0, 0, -left, left + width - image.shape[2], -top, top + height - image.shape[1]))
    return image[:, top : top + height, left : left + width]


change_windows.defvjp(
    x=lambda g, x_like, matrix, step, sides: add_changed_windows(
        g, matrix=matrix, step=step, shape=tuple(x_like.shape), sides=sides
    )
)
change_windows.keep_recipe()
add_changed_windows.defvjp(x=lambda g, matrix, step, sides: change_windows(g, matrix=matrix, step=step, sides=sides))


@op(
    (
        case(real("9 n c"), real("d c 2 2"), matrix=(beside,)),
        case(real("4 n c"), real("d c 3 3"), matrix=(overlapping,)),
    )
)
def multiply_changed(x: Tensor, weight: Tensor, *, matrix: Matrix) -> Tensor:
    """(places, N, C) and kernels (D, C, k, k) to (places, N, D): each place times its own matrix.

    It is that of the kernels in another basis, `matrix @ w @ matrix.T` for each kernel w.
    """
    if is_half(x) and weight.dtype == x.dtype:
        return multiply_changed(x.float(), weight.float(), matrix=matrix).to(x.dtype)
    out_channels, channels, *_ = weight.shape
    # Kernels with the channels exchanged, as a rule gives them, are read where they lie.
    change = _of_kernels(matrix, x.dtype, x.device)
    kernels = change @ weight.permute(2, 3, 1, 0).reshape(change.shape[1], channels * out_channels)
    return x @ kernels.reshape(len(x), channels, out_channels)


@op(
    (
        case(real("9 n c"), real("9 n d"), matrix=(beside,)),
        case(real("4 n c"), real("4 n d"), matrix=(overlapping,)),
    )
)
def sum_changed(x: Tensor, y: Tensor, *, matrix: Matrix) -> Tensor:
    """What `multiply_changed` is to its kernels, transposed: (places, N, C) and (places, N, D) to (D, C, k, k)."""
    if is_half(x) and y.dtype == x.dtype:
        return sum_changed(x.float(), y.float(), matrix=matrix).to(x.dtype)
    places, out_channels, channels = (products := y.mT @ x).shape
    # In the layout of a weight.
    taps = products.reshape(places, out_channels * channels).mT @ _of_kernels(matrix, x.dtype, x.device)
    return taps.reshape(out_channels, channels, len(matrix[0]), len(matrix[0]))


multiply_changed.defvjp(
    x=lambda g, weight, matrix: multiply_changed(g, weight.transpose(0, 1), matrix=matrix),
    weight=lambda g, x, matrix: sum_changed(x, g, matrix=matrix),
)
sum_changed.defvjp(
    x=lambda g, y, matrix: multiply_changed(y, g.transpose(0, 1), matrix=matrix),
    y=lambda g, x, matrix: multiply_changed(x, g, matrix=matrix),
)


def _laid(windows: Tensor, step: int) -> Tensor:
    """(column, row, N, down, across, C) to (N, H, W, C): windows laid `step` apart, and added where they meet."""
    span, _, n, down, across, channels = windows.shape
    if span == step:
        return windows.permute(2, 3, 1, 4, 0, 5).reshape(n, step * down, step * across, channels)
    beyond = max(span - step, 0)
    new = windows.new_zeros if span < step else windows.new_empty
    image = new((n, step * down + beyond, step * across + beyond, channels))
    image[:, step * down :] = 0
    image[:, :, step * across :] = 0
    windows = windows.permute(2, 3, 4, 5, 1, 0)
    for top, left in product(range(0, span, step), repeat=2):
        # Of all windows at once, a part that does not meet the same part of another.
        part = windows[..., top : top + step, left : left + step]
        rows, columns = part.shape[4:]
        places = image[:, top:, left:].unfold(1, rows, step).unfold(2, columns, step)[:, :down, :across]
        if top == left == 0:
            places.copy_(part)
        else:
            places += part
    return image


def _window_counts(shape: torch.Size | tuple[int, ...], span: int, step: int, sides: Sides) -> tuple[int, int]:
    left, right, top, bottom = sides
    extents = shape[1] + top + bottom, shape[2] + left + right
    return -(-(extents[0] - span) // step) + 1, -(-(extents[1] - span) // step) + 1


@lru_cache
def _in_both(matrix: Matrix, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The change along columns and rows at once."""
    with torch.inference_mode(False):  # the cache outlives the mode in which it is filled
        change = torch.tensor(matrix, dtype=torch.float64)
        return torch.kron(change, change).to(device, dtype)


@lru_cache
def _of_kernels(matrix: Matrix, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The same for kernels, whose entries lie row by row."""
    entries, span = len(matrix), len(matrix[0])
    change = _in_both(matrix, torch.float64, device).reshape(-1, span, span)
    with torch.inference_mode(False):
        return change.mT.reshape(entries**2, span**2).to(dtype)
