"""How a convolution is composed: chosen here by its shape, from what was measured.

Wide images are channels-last inside: a row of a window is then one run in memory. Narrow ones are planar, one channel
after the other: their runs are rows of the image, and products with few rows cost half of those with few columns.
"""

import torch.nn.functional as F
from torch import Tensor

from nn.geometry import Sides
from nn.winograd import winograd
from tape.ops.patches import sum_taps, windows

__all__ = ["correlate", "is_narrow"]


def correlate(
    image: Tensor,
    weight: Tensor,
    sides: Sides,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    *,
    planar: bool,
) -> Tensor:
    """Cross-correlates an image with kernels.

    Args:
        image: (N, H, W, C).
        weight: (out channels, C / groups, kernel height, kernel width).
        sides: zeros around the image.
        planar: whether a channel of the output should be one run in memory.

    Returns:
        (N, rows, columns, out channels).
    """
    out_channels, channels, *kernel_size = weight.shape
    if groups > 1:
        return _grouped(image, weight, sides, stride, dilation, groups)
    if stride == (1, 1):
        if dilation == (1, 1) and kernel_size == [3, 3] and _is_wide(image, sides, out_channels):
            return winograd(image, weight, sides)
        # Either the windows are copied, C numbers a tap, or the products are moved, as many as there are outputs.
        if out_channels < channels:
            return _multiply_then_sum(image, weight, sides, dilation)
    return _gather_then_multiply(image, weight, sides, stride, dilation, planar)


def is_narrow(channels: int) -> bool:
    return channels < 16


def _is_wide(image: Tensor, sides: Sides, out_channels: int) -> bool:
    """Whether Winograd's saving in products exceeds the cost of its changes of basis."""
    left, right, top, bottom = sides
    _, height, width, channels = image.shape
    extent = min(height + top + bottom, width + left + right) - 2
    return not is_narrow(min(channels, out_channels)) and extent >= 8


def _gather_then_multiply(
    image: Tensor, weight: Tensor, sides: Sides, stride: tuple[int, int], dilation: tuple[int, int], planar: bool
) -> Tensor:
    """One matrix product over all windows."""
    out_channels, channels, *kernel_size = weight.shape
    n, size = image.shape[0], (kernel_size[0], kernel_size[1])
    inputs = channels * size[0] * size[1]
    if is_narrow(channels):
        planes = _planes(image, sides)
        patches = windows(planes, kernel_size=size, stride=stride, dilation=dilation)
        rows, columns = patches.shape[1:3]
        patches = patches.permute(3, 4, 0, 1, 2, 5).reshape(inputs, n * rows * columns)
    else:
        patches = windows(_padded(image, sides), kernel_size=size, stride=stride, dilation=dilation)
        rows, columns = patches.shape[1:3]
        patches = patches.reshape(n * rows * columns, inputs).mT
    kernels = weight.permute(2, 3, 1, 0).reshape(inputs, out_channels)
    if planar:
        return (kernels.mT @ patches).reshape(out_channels, n, rows, columns).permute(1, 2, 3, 0)
    return (patches.mT @ kernels).reshape(n, rows, columns, out_channels)


def _multiply_then_sum(image: Tensor, weight: Tensor, sides: Sides, dilation: tuple[int, int]) -> Tensor:
    """One matrix product over all pixels, whose results are summed window by window."""
    out_channels, channels, *kernel_size = weight.shape
    image = _padded(image, sides)
    n, height, width, _ = image.shape
    kernels = weight.permute(2, 3, 0, 1).reshape(-1, channels)
    products = (kernels @ image.reshape(n * height * width, channels).mT).reshape(
        *kernel_size, out_channels * n, height, width, 1
    )
    total = sum_taps(products.permute(2, 3, 4, 0, 1, 5), dilation=dilation)
    return total.reshape(out_channels, n, *total.shape[1:3]).permute(1, 2, 3, 0)


def _grouped(
    image: Tensor,
    weight: Tensor,
    sides: Sides,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Tensor:
    """One matrix product for each group, over its share of all windows."""
    out_channels, channels, *kernel_size = weight.shape
    taps = kernel_size[0] * kernel_size[1]
    size = kernel_size[0], kernel_size[1]
    patches = windows(_padded(image, sides), kernel_size=size, stride=stride, dilation=dilation)
    n, rows, columns = patches.shape[:3]
    kernels = weight.reshape(groups, out_channels // groups, channels, taps)
    kernels = kernels.permute(0, 3, 2, 1).reshape(groups, taps * channels, out_channels // groups)
    grouped = patches.reshape(n * rows * columns, taps, groups, channels).permute(2, 0, 1, 3)
    product = grouped.reshape(groups, n * rows * columns, taps * channels) @ kernels
    return product.permute(1, 0, 2).reshape(n, rows, columns, out_channels)


def _padded(image: Tensor, sides: Sides) -> Tensor:
    return (F.pad(image, (0, 0, *sides)) if any(sides) else image).contiguous()


def _planes(image: Tensor, sides: Sides) -> Tensor:
    """(N, H, W, C) to (C N, H, W, 1), with its padding."""
    planes = image.permute(3, 0, 1, 2)
    planes = F.pad(planes, sides) if any(sides) else planes
    return planes.reshape(-1, *planes.shape[2:], 1)
