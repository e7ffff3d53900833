"""How a convolution is composed: chosen here by its shape, from what was measured.

Wide images are channels-last in memory: a row of a window is then one run. Narrow ones are planar, one channel after
the other: their runs are rows of the image, and products with few rows cost half of those with few columns.
"""

import torch.nn.functional as F
from torch import Tensor

from nn.geometry import Sides
from nn.winograd import winograd
from tape.ops.columns import patch_columns
from tape.ops.patches import sum_taps, window_counts, windows
from tape.ops.products import narrow_matmul

__all__ = ["correlate", "is_narrow"]


def correlate(
    images: Tensor,
    weight: Tensor,
    sides: Sides,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    *,
    planar: bool,
) -> Tensor:
    """Cross-correlates images with kernels.

    Args:
        images: (N, C, H, W).
        weight: (out channels, C / groups, kernel height, kernel width).
        sides: zeros around an image.
        planar: whether a channel of the output should be one run in memory.

    Returns:
        (N, out channels, rows, columns).
    """
    out_channels, channels, *kernel_size = weight.shape
    left, right, top, bottom = sides
    extent = images.shape[2] + top + bottom, images.shape[3] + left + right
    window_counts("conv2d", extent, kernel_size, stride, dilation)
    if groups > 1:
        return _grouped(images, weight, sides, stride, dilation, groups)
    if stride == (1, 1):
        if dilation == (1, 1) and kernel_size == [3, 3] and _is_wide(images, sides, out_channels):
            return winograd(images.permute(0, 2, 3, 1), weight, sides).permute(0, 3, 1, 2)
        # Either the windows are copied, C numbers a tap, or the products are moved, as many as there are outputs.
        if out_channels < channels:
            return _multiply_then_sum(images, weight, sides, dilation)
    return _gather_then_multiply(images, weight, sides, stride, dilation, planar)


def is_narrow(channels: int) -> bool:
    return channels < 16


def _is_wide(images: Tensor, sides: Sides, out_channels: int) -> bool:
    """Whether Winograd's saving in products exceeds the cost of its changes of basis."""
    left, right, top, bottom = sides
    _, channels, height, width = images.shape
    extent = min(height + top + bottom, width + left + right) - 2
    return not is_narrow(min(channels, out_channels)) and extent >= 8


def _gather_then_multiply(
    images: Tensor, weight: Tensor, sides: Sides, stride: tuple[int, int], dilation: tuple[int, int], planar: bool
) -> Tensor:
    """One matrix product over all windows."""
    out_channels, channels, *kernel_size = weight.shape
    n, size = images.shape[0], (kernel_size[0], kernel_size[1])
    inputs = channels * size[0] * size[1]
    if not is_narrow(channels):
        patches = windows(_padded(images, sides), kernel_size=size, stride=stride, dilation=dilation)
        rows, columns = patches.shape[1:3]
        product = patches.reshape(n * rows * columns, inputs) @ weight.permute(2, 3, 1, 0).reshape(inputs, out_channels)
        return product.reshape(n, rows, columns, out_channels).permute(0, 3, 1, 2)
    patches = patch_columns(images, kernel_size=size, stride=stride, dilation=dilation, sides=sides)
    left, right, top, bottom = sides
    extent = images.shape[2] + top + bottom, images.shape[3] + left + right
    rows, columns = window_counts("conv2d", extent, size, stride, dilation)
    kernels = weight.reshape(out_channels, inputs)
    if planar:
        return (kernels @ patches).reshape(out_channels, n, rows, columns).permute(1, 0, 2, 3)
    return (patches.mT @ kernels.mT).reshape(n, rows, columns, out_channels).permute(0, 3, 1, 2)


def _multiply_then_sum(images: Tensor, weight: Tensor, sides: Sides, dilation: tuple[int, int]) -> Tensor:
    """One matrix product over all pixels, whose results are summed window by window."""
    out_channels, channels, *kernel_size = weight.shape
    image = _padded(images, sides)
    n, height, width, _ = image.shape
    kernels = weight.permute(2, 3, 0, 1).reshape(-1, channels)
    products = narrow_matmul(image.reshape(n * height * width, channels), kernels.mT)
    products = products.mT.reshape(*kernel_size, out_channels * n, height, width, 1).permute(2, 3, 4, 0, 1, 5)
    total = sum_taps(products, dilation=dilation)
    return total.reshape(out_channels, n, *total.shape[1:3]).permute(1, 0, 2, 3)


def _grouped(
    images: Tensor,
    weight: Tensor,
    sides: Sides,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Tensor:
    """One matrix product for each group, over its share of all windows."""
    out_channels, channels, *kernel_size = weight.shape
    n, size, taps = images.shape[0], (kernel_size[0], kernel_size[1]), kernel_size[0] * kernel_size[1]
    patches = windows(_padded(images, sides), kernel_size=size, stride=stride, dilation=dilation)
    rows, columns = patches.shape[1:3]
    kernels = weight.reshape(groups, out_channels // groups, channels, taps)
    kernels = kernels.permute(0, 3, 2, 1).reshape(groups, taps * channels, out_channels // groups)
    patches = patches.reshape(n * rows * columns, taps, groups, channels).permute(2, 0, 1, 3)
    product = patches.reshape(groups, n * rows * columns, taps * channels) @ kernels
    return product.permute(1, 0, 2).reshape(n, rows, columns, out_channels).permute(0, 3, 1, 2)


def _padded(images: Tensor, sides: Sides) -> Tensor:
    """Channels last, with zeros around."""
    images = images.permute(0, 2, 3, 1)
    return (F.pad(images, (0, 0, *sides)) if any(sides) else images).contiguous()
