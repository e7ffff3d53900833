"""How a convolution is composed: chosen here by its shape, from what was measured.

Images are channels-last: a row of a window is then one run in memory.
"""

import torch.nn.functional as F
from torch import Tensor

from nn.geometry import Sides
from nn.winograd import winograd
from tape.ops.patches import sum_taps, windows

__all__ = ["correlate"]


def correlate(
    image: Tensor,
    weight: Tensor,
    sides: Sides,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """Cross-correlates a channels-last image with kernels.

    Args:
        image: (N, H, W, C).
        weight: (out channels, C / groups, kernel height, kernel width).
        sides: zeros around the image.

    Returns:
        (N, rows, columns, out channels).
    """
    plain = groups == 1 and stride == (1, 1)
    if plain and dilation == (1, 1) and tuple(weight.shape[2:]) == (3, 3) and _is_wide(image, sides, weight.shape[0]):
        return winograd(image, weight, sides)
    image = (F.pad(image, (0, 0, *sides)) if any(sides) else image).contiguous()
    # Either the windows are copied, C numbers a tap, or the products are moved, as many as there are outputs.
    if plain and weight.shape[0] < weight.shape[1]:
        return _multiply_then_sum(image, weight, dilation)
    return _gather_then_multiply(image, weight, stride, dilation, groups)


def _is_wide(image: Tensor, sides: Sides, out_channels: int) -> bool:
    """Whether Winograd's saving in products exceeds the cost of its changes of basis."""
    left, right, top, bottom = sides
    _, height, width, channels = image.shape
    extent = min(height + top + bottom, width + left + right) - 2
    return min(channels, out_channels) >= 16 and extent >= 8


def _gather_then_multiply(
    image: Tensor, weight: Tensor, stride: tuple[int, int], dilation: tuple[int, int], groups: int
) -> Tensor:
    """The convolution as one matrix product over all windows of a channels-last image."""
    out_channels, group_channels, kernel_height, kernel_width = weight.shape
    patches = windows(image, kernel_size=(kernel_height, kernel_width), stride=stride, dilation=dilation)
    n, rows, columns = patches.shape[:3]
    pixels, taps = n * rows * columns, kernel_height * kernel_width
    if groups == 1:
        kernels = weight.permute(2, 3, 1, 0).reshape(taps * group_channels, out_channels)
        product = patches.reshape(pixels, taps * group_channels) @ kernels
    else:
        kernels = weight.reshape(groups, out_channels // groups, group_channels, taps)
        kernels = kernels.permute(0, 3, 2, 1).reshape(groups, taps * group_channels, out_channels // groups)
        grouped = patches.reshape(pixels, taps, groups, group_channels).permute(2, 0, 1, 3)
        product = (grouped.reshape(groups, pixels, taps * group_channels) @ kernels).permute(1, 0, 2)
    return product.reshape(n, rows, columns, out_channels)


def _multiply_then_sum(image: Tensor, weight: Tensor, dilation: tuple[int, int]) -> Tensor:
    """The convolution as one matrix product over all pixels, whose results are summed window by window."""
    out_channels, channels, kernel_height, kernel_width = weight.shape
    n, height, width, _ = image.shape
    kernels = weight.permute(1, 2, 3, 0).reshape(channels, kernel_height * kernel_width * out_channels)
    products = image.reshape(n * height * width, channels) @ kernels
    products = products.reshape(n, height, width, kernel_height, kernel_width, out_channels)
    return sum_taps(products, dilation=dilation)
