"""Patches of images as the columns of one matrix, which one product then multiplies with all kernels."""

import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.registry import op
from tape.ops.patches import few, taps, window_counts

Sides = tuple[int, int, int, int]  # zeros on the left, on the right, at the top, at the bottom; negative ones crop


@op(
    case(
        real("n c 4 5"),
        kernel_size=((2, 2), (3, 1)),
        stride=((1, 1), (2, 3)),
        dilation=((1, 1), (1, 2)),
        sides=((0, 0, 0, 0), (1, 0, 0, 2), (1, 1, -1, 1)),
        sizes=few,
    )
)
def patch_columns(
    x: Tensor,
    *,
    kernel_size: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    sides: Sides = (0, 0, 0, 0),
) -> Tensor:
    """(N, C, H, W) to (C * kernel height * kernel width, N * rows * columns): a column for every window.

    Read plane by plane, a row of the matrix is made of runs as long as an image's row.
    """
    planes = x.transpose(0, 1)
    if any(sides):
        planes = F.pad(planes, sides)
    window_counts("patch_columns", planes.shape[2:], kernel_size, stride, dilation)
    for dim, (kernel, step, skip) in enumerate(zip(kernel_size, dilation, stride, strict=True), start=2):
        planes = planes.unfold(dim, step * (kernel - 1) + 1, skip)
    patches = planes[..., :: dilation[0], :: dilation[1]].permute(0, 4, 5, 1, 2, 3)
    return patches.reshape(patches.shape[:3].numel(), -1)


@op(
    (
        case(real("16 12"), shape=((1, 4, 4, 5),), kernel_size=((2, 2),)),
        case(real("8 12"), shape=((2, 2, 5, 4),), kernel_size=((2, 2),), stride=((2, 1),)),
        case(real("8 8"), shape=((2, 2, 3, 4),), kernel_size=((2, 2),), stride=((2, 3),), sides=((1, 0, 0, 1),)),
        case(real("4 16"), shape=((2, 1, 5, 4),), kernel_size=((2, 2),), dilation=((2, 1),), sides=((1, 0, -1, 0),)),
    )
)
def add_columns(
    x: Tensor,
    *,
    shape: tuple[int, int, int, int],
    kernel_size: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    sides: Sides = (0, 0, 0, 0),
) -> Tensor:
    """The transpose of `patch_columns`: images of a shape, with each column added in its window's place."""
    n, channels, height, width = shape
    left, right, top, bottom = sides
    size = height + top + bottom, width + left + right
    counts = window_counts("add_columns", size, kernel_size, stride, dilation)
    patches = x.reshape(channels, *kernel_size, n, *counts)
    planes = x.new_zeros((channels, n, *size))
    # Windows that do not meet are put in their places.
    apart = all(skip > step * (k - 1) for skip, step, k in zip(stride, dilation, kernel_size, strict=True))
    for i, j, under in taps(kernel_size, counts, stride, dilation):
        if apart:
            planes[(..., *under)] = patches[:, i, j]
        else:
            planes[(..., *under)] += patches[:, i, j]
    if min(sides) < 0:
        planes = F.pad(planes, (-left, -right, -top, -bottom))
    else:
        planes = planes[:, :, top : top + height, left : left + width]
    return planes.transpose(0, 1)


patch_columns.defvjp(
    x=lambda g, x_like, kernel_size, stride, dilation, sides: add_columns(
        g, shape=tuple(x_like.shape), kernel_size=kernel_size, stride=stride, dilation=dilation, sides=sides
    )
)
patch_columns.keep_recipe()
add_columns.defvjp(
    x=lambda g, kernel_size, stride, dilation, sides: patch_columns(
        g, kernel_size=kernel_size, stride=stride, dilation=dilation, sides=sides
    )
)
