"""Patches of images: every window of a kernel's size, and their sum back into an image."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.registry import op

Pair = int | tuple[int, int]

few = {"n": (1, 2), "c": (1, 2)}


@op(
    case(
        real("1 c 4 5"),
        kernel_size=(2, (3, 2)),
        dilation=(1, (1, 2)),
        padding=(0, (2, 1)),
        stride=(1, (2, 3)),
        sizes=few,
    )
    .refuses(RuntimeError, torch.ones(1, 1, 2, 2), 3, match="sliding blocks as (0, 0), but its components must be")
    .refuses(RuntimeError, torch.ones(1, 1, 2, 2), 0, match="kernel size should be greater than zero"),
    F.unfold,
)
def unfold(input: Tensor, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1) -> Tensor:
    """(N, C, H, W) to (N, C * kernel height * kernel width, windows)."""
    return F.unfold(input, kernel_size, dilation, padding, stride)


@op(
    (
        case(real("n 12 4"), output_size=(3,), kernel_size=(2,), sizes=few)
        .refuses(RuntimeError, torch.ones(1, 4, 1), 2, 3, match="divisible by the product of kernel_size")
        .refuses(RuntimeError, torch.ones(1, 4, 2), 2, 2, match="match the calculated number of sliding blocks"),
        case(
            real("n 6 12"),
            output_size=((5, 6),),
            kernel_size=((3, 2),),
            padding=(1,),
            stride=(2,),
            sizes=few,
        ),
    ),
    F.fold,
)
def fold(
    input: Tensor,
    output_size: Pair,
    kernel_size: Pair,
    dilation: Pair = 1,
    padding: Pair = 0,
    stride: Pair = 1,
) -> Tensor:
    """(N, C * kernel height * kernel width, windows) to (N, C, H, W): overlapping windows are added."""
    return F.fold(input, output_size, kernel_size, dilation, padding, stride)


unfold.defvjp(
    input=lambda g, input_like, kernel_size, dilation, padding, stride: F.fold(
        g, tuple(input_like.shape[-2:]), kernel_size, dilation, padding, stride
    )
)
unfold.keep_recipe()
fold.defvjp(input=lambda g, kernel_size, dilation, padding, stride: F.unfold(g, kernel_size, dilation, padding, stride))


@op(
    (
        case(real("a 3 b"), repeats=(2, torch.tensor([1, 0, 2])), dim=(1, -2))
        .refuses(RuntimeError, torch.ones(2), torch.tensor([1, -1]), match="repeats can not be negative")
        .refuses(RuntimeError, torch.ones(2), torch.tensor([1, 1, 1]), match="must have the same size as input"),
        case(real("a b"), repeats=(3,), dim=(None, 0))
        .refuses(RuntimeError, torch.ones(2), -1, match="must be non-negative")
        .refuses(IndexError, torch.ones(2), 2, 1, match="Dimension out of range"),
    ),
    torch.repeat_interleave,
    Tensor.repeat_interleave,
)
def repeat_interleave(
    x: Tensor, repeats: int | Tensor, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    return torch.repeat_interleave(x, repeats, dim, output_size=output_size)


def _sum_repeats(g: Any, x_like: Any, repeats: Any, dim: int | None) -> Any:
    along = 0 if dim is None else dim % len(x_like.shape)
    size = x_like.shape.numel() if dim is None else x_like.shape[dim]
    if isinstance(repeats, int):
        summed = g.unflatten(along, (size, repeats)).sum(along + 1)
    else:
        source = torch.repeat_interleave(torch.arange(size, device=g.device), repeats)
        shape = (*g.shape[:along], size, *g.shape[along + 1 :])
        summed = torch.index_add(torch.zeros(shape, dtype=g.dtype, device=g.device), along, source, g)
    return summed.reshape(x_like.shape)


repeat_interleave.defvjp(x=_sum_repeats, repeats=None)
repeat_interleave.keep_recipe()


@op(
    case(
        real("n 5 6 c"),
        kernel_size=((2, 2), (3, 2)),
        stride=((1, 1), (2, 3)),
        dilation=((1, 1), (1, 2)),
        sizes=few,
    )
    .refuses(ValueError, torch.ones(1, 2, 2, 1), kernel_size=(3, 1), match="windows: a window of (3, 1) with dilation")
    .refuses(ValueError, torch.ones(2, 2), kernel_size=(1, 1), match="shape (N, H, W, C) is needed, not (2, 2)")
    .refuses(ValueError, torch.ones(1, 2, 2, 1), kernel_size=(1, 1), stride=(0, 1), match="must be positive")
)
def windows(
    x: Tensor,
    *,
    kernel_size: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> Tensor:
    """Every window of a channels-last image, as a view.

    (N, H, W, C) to (N, rows, columns, kernel height, kernel width, C). With C last, a row of a window is one
    run in memory.
    """
    n, height, width, channels = _shape("windows", x, "(N, H, W, C)")
    rows, columns = window_counts("windows", (height, width), kernel_size, stride, dilation)
    n_step, row_step, column_step, channel_step = x.stride()
    return x.as_strided(
        (n, rows, columns, *kernel_size, channels),
        (
            n_step,
            row_step * stride[0],
            column_step * stride[1],
            row_step * dilation[0],
            column_step * dilation[1],
            channel_step,
        ),
    )


@op(
    (
        case(real("n 2 3 2 2 c"), size=((5, 6),), stride=((2, 2),), sizes=few)
        .refuses(ValueError, torch.ones(1, 1, 1, 2, 2, 1), size=(1, 2), match="add_windows: a window of (2, 2)")
        .refuses(ValueError, torch.ones(1, 2, 1, 2, 2, 1), size=(2, 2), match="2 x 1 windows were given for an image")
        .refuses(ValueError, torch.ones(2, 2), size=(2, 2), match="add_windows: a tensor of shape"),
        case(real("n 2 3 2 2 c"), size=((7, 6),), stride=((3, 2),), dilation=((2, 1),), sizes=few),
        case(real("n 2 3 2 2 c"), size=((6, 7),), stride=((2, 2),), sizes=few),
    )
)
def add_windows(
    x: Tensor, *, size: tuple[int, int], stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1)
) -> Tensor:
    """The transpose of `windows`: a channels-last image of a size, with each window added in its place."""
    layout = "(N, rows, columns, kernel height, kernel width, C)"
    n, rows, columns, *kernel_size, channels = _shape("add_windows", x, layout)
    room = window_counts("add_windows", size, kernel_size, stride, dilation)
    if not (1 <= rows <= room[0] and 1 <= columns <= room[1]):
        raise ValueError(
            f"add_windows: {rows} x {columns} windows were given for an image of {tuple(size)}, which has room for "
            f"1 x 1 to {room[0]} x {room[1]}; give the size of the image that the windows are of"
        )
    image = x.new_zeros((n, *size, channels))
    # Windows that do not meet are put in their places.
    apart = all(skip > step * (k - 1) for skip, step, k in zip(stride, dilation, kernel_size, strict=True))
    for i, j, under in taps(kernel_size, (rows, columns), stride, dilation):
        if apart:
            image[(slice(None), *under)] = x[:, :, :, i, j]
        else:
            image[(slice(None), *under)] += x[:, :, :, i, j]
    return image


windows.defvjp(
    x=lambda g, x_like, stride, dilation: add_windows(
        g, size=tuple(x_like.shape[1:3]), stride=stride, dilation=dilation
    )
)
windows.keep_recipe()
add_windows.defvjp(
    # An image may have room for more windows than were added.
    x=lambda g, x_like, stride, dilation: windows(
        g, kernel_size=tuple(x_like.shape[3:5]), stride=stride, dilation=dilation
    )[:, : x_like.shape[1], : x_like.shape[2]]
)


@op(
    case(
        real("n 5 6 2 2 c"),
        stride=((1, 1), (2, 3)),
        dilation=((1, 1), (2, 1)),
        sizes=few,
    )
    .refuses(ValueError, torch.ones(1, 2, 2, 3, 1, 1), match="sum_taps: a window of (3, 1)")
    .refuses(ValueError, torch.ones(2, 2), match="sum_taps: a tensor of shape")
)
def sum_taps(x: Tensor, *, stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1)) -> Tensor:
    """What a convolution sums once each pixel has been multiplied with each tap of the kernel.

    (N, H, W, kernel height, kernel width, C) to (N, rows, columns, C): for each window, the sum over its taps of
    the tap's product at the pixel under it.
    """
    layout = "(N, H, W, kernel height, kernel width, C)"
    n, height, width, kernel_height, kernel_width, channels = _shape("sum_taps", x, layout)
    rows, columns = window_counts("sum_taps", (height, width), (kernel_height, kernel_width), stride, dilation)
    total = x.new_zeros((n, rows, columns, channels))
    for i, j, under in taps((kernel_height, kernel_width), (rows, columns), stride, dilation):
        total += x[(slice(None), *under, i, j)]
    return total


@op(
    (
        case(real("n 2 3 c"), size=((5, 6),), kernel_size=((2, 2),), stride=((2, 2),), sizes=few)
        .refuses(
            ValueError, torch.ones(1, 1, 1, 1), size=(1, 1), kernel_size=(2, 2), match="does not fit into an image"
        )
        .refuses(ValueError, torch.ones(1, 1, 1, 1), size=(4, 4), kernel_size=(1, 1), match="which has 4 x 4")
        .refuses(ValueError, torch.ones(2, 2), size=(2, 2), kernel_size=(1, 1), match="spread_taps: a tensor of shape"),
        case(real("n 2 3 c"), size=((7, 6),), kernel_size=((2, 2),), stride=((3, 2),), dilation=((2, 1),), sizes=few),
    )
)
def spread_taps(
    x: Tensor,
    *,
    size: tuple[int, int],
    kernel_size: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> Tensor:
    """The transpose of `sum_taps`, for an image of a size."""
    n, rows, columns, channels = _shape("spread_taps", x, "(N, rows, columns, C)")
    room = window_counts("spread_taps", size, kernel_size, stride, dilation)
    if (rows, columns) != room:
        raise ValueError(
            f"spread_taps: {rows} x {columns} windows were given for an image of {tuple(size)}, which has {room[0]} x "
            f"{room[1]}; give the size of the image that they were summed over"
        )
    # Tap by tap in memory, as `sum_taps` reads them.
    spread = x.new_zeros((*kernel_size, n, *size, channels)).permute(2, 3, 4, 0, 1, 5)
    for i, j, under in taps(kernel_size, (rows, columns), stride, dilation):
        spread[(slice(None), *under, i, j)] = x
    return spread


sum_taps.defvjp(
    x=lambda g, x_like, stride, dilation: spread_taps(
        g, size=tuple(x_like.shape[1:3]), kernel_size=tuple(x_like.shape[3:5]), stride=stride, dilation=dilation
    )
)
spread_taps.defvjp(x=lambda g, stride, dilation: sum_taps(g, stride=stride, dilation=dilation))


@op(case(real("n 2 2 3 2 c", distinct=True), sizes=few).at([[[[[[2.0], [2.0]]]]]], gives=[[[[[[1.0], [0.0]]]]]]))
def max_taps(x: Tensor) -> Tensor:
    """The largest entry of each window: (N, rows, columns, kernel height, kernel width, C) to (N, rows, columns, C).

    Of equal entries the first gets the cotangent.
    """
    largest: Tensor
    largest, *others = _entries(x)
    for entry in others:
        largest = torch.maximum(largest, entry)
    return largest


def _entries(x: Any) -> list[Any]:
    return [x[:, :, :, i, j] for i in range(x.shape[3]) for j in range(x.shape[4])]


def _to_first_largest(g: Any, x: Any, ans: Any) -> Any:
    parts = []
    for entry in _entries(x):
        rest = g * torch.sign(ans - entry)  # 0 at the largest; a comparison's truth values multiply slowly
        parts.append(g - rest)
        g = rest
    return torch.stack(parts).unflatten(0, x.shape[3:5]).permute(2, 3, 4, 0, 1, 5)


max_taps.defvjp(x=_to_first_largest)


def taps(
    kernel_size: Sequence[int], counts: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
    """Each tap (i, j) of a kernel, and the rows and columns of the image that lie under it."""
    for i in range(kernel_size[0]):
        for j in range(kernel_size[1]):
            top, left = i * dilation[0], j * dilation[1]
            bottom, right = top + (counts[0] - 1) * stride[0] + 1, left + (counts[1] - 1) * stride[1] + 1
            yield i, j, (slice(top, bottom, stride[0]), slice(left, right, stride[1]))


def _shape(name: str, x: Tensor, layout: str) -> tuple[int, ...]:
    if x.ndim != layout.count(",") + 1:
        raise ValueError(f"{name}: a tensor of shape {layout} is needed, not {tuple(x.shape)}")
    return tuple(x.shape)


def window_counts(
    name: str, size: Sequence[int], kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[int, ...]:
    if min(*kernel_size, *stride, *dilation) < 1:
        raise ValueError(
            f"{name}: kernel size, stride and dilation must be positive, and are {tuple(kernel_size)}, "
            f"{tuple(stride)} and {tuple(dilation)}"
        )
    counts = tuple(
        (extent - step * (kernel - 1) - 1) // skip + 1
        for extent, kernel, skip, step in zip(size, kernel_size, stride, dilation, strict=True)
    )
    if min(counts) < 1:
        raise ValueError(
            f"{name}: a window of {tuple(kernel_size)} with dilation {tuple(dilation)} does not fit into an image of "
            f"{tuple(size)}, padding included; make the kernel smaller or pad the image"
        )
    return counts
