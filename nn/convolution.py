"""Convolutions, composed of windows and matrix products.

Inside, images are channels-last: a row of a window is then one run in memory.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

import tape
from nn.geometry import Pair, check_images, pair
from nn.winograd import winograd
from tape.ops.patches import add_windows, sum_taps, windows

__all__ = ["conv2d", "conv_transpose2d"]


@tape.implements(F.conv2d)
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlates images with kernels, as `torch.nn.functional.conv2d`.

    Args:
        input: (N, C, H, W), or (C, H, W).
        weight: (out channels, C / groups, kernel height, kernel width).
        bias: (out channels,).
        padding: zeros on each side; "valid" for none; "same" for the input's size, at stride 1.

    Returns:
        (N, out channels, H', W'), or without N.

    >>> import torch
    >>> conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)).squeeze()
    tensor([[4., 4.],
            [4., 4.]])
    """
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    stride, dilation = pair(stride, "stride", at_least=1), pair(dilation, "dilation", at_least=1)
    out_channels, group_channels, *kernel_size = _kernels("conv2d", weight)
    _check_channels("conv2d", input, bias, group_channels * groups, out_channels, groups)
    image, sides = input.permute(0, 2, 3, 1), _sides(padding, kernel_size, stride, dilation)
    plain = groups == 1 and stride == (1, 1)
    if plain and dilation == (1, 1) and kernel_size == [3, 3] and _is_wide(image, sides, out_channels):
        output = winograd(image, weight, sides)
    # Either the windows are copied, C numbers a tap, or the products are moved, as many as there are outputs.
    elif plain and out_channels < group_channels:
        output = _multiply_then_sum(_padded(image, sides), weight, dilation)
    else:
        output = _gather_then_multiply(_padded(image, sides), weight, stride, dilation, groups)
    return (output if bias is None else output + bias).permute(0, 3, 1, 2)


def _is_wide(image: Tensor, sides: tuple[int, int, int, int], out_channels: int) -> bool:
    """Whether Winograd's saving in products exceeds what the changes of basis cost, as measured."""
    _, height, width, channels = image.shape
    extent = min(height + sides[2] + sides[3], width + sides[0] + sides[1]) - 2
    return min(channels, out_channels) >= 16 and extent >= 8


def _padded(image: Tensor, sides: tuple[int, int, int, int]) -> Tensor:
    return (F.pad(image, (0, 0, *sides)) if any(sides) else image).contiguous()


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


@tape.implements(F.conv_transpose2d)
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:
    """The transpose of `conv2d` in its input, as `torch.nn.functional.conv_transpose2d`.

    Args:
        input: (N, C, H, W), or (C, H, W).
        weight: (C, out channels / groups, kernel height, kernel width).
        bias: (out channels,).
        padding: rows and columns cropped from each side.
        output_padding: rows and columns added at the bottom and on the right.

    Returns:
        (N, out channels, (H - 1) stride - 2 padding + dilation (kernel height - 1) + output_padding + 1, W').
    """
    if input.ndim == 3:
        batch = input.unsqueeze(0)
        return conv_transpose2d(batch, weight, bias, stride, padding, output_padding, groups, dilation).squeeze(0)
    stride, dilation = pair(stride, "stride", at_least=1), pair(dilation, "dilation", at_least=1)
    padding, extra = pair(padding, "padding", at_least=0), pair(output_padding, "output_padding", at_least=0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"conv_transpose2d: output_padding {extra} must be smaller than the stride or dilation")
    in_channels, group_channels, *kernel_size = _kernels("conv_transpose2d", weight)
    out_channels, taps = group_channels * groups, kernel_size[0] * kernel_size[1]
    _check_channels("conv_transpose2d", input, bias, in_channels, out_channels, groups)
    n, _, height, width = input.shape
    pixels = input.permute(0, 2, 3, 1).reshape(n * height * width, groups, in_channels // groups)
    kernels = weight.reshape(groups, in_channels // groups, group_channels, taps).permute(0, 1, 3, 2)
    product = pixels.permute(1, 0, 2) @ kernels.reshape(groups, in_channels // groups, taps * group_channels)
    spread = product.reshape(groups, n, height, width, *kernel_size, group_channels).permute(1, 2, 3, 4, 5, 0, 6)
    spread = spread.reshape(n, height, width, *kernel_size, out_channels)
    size = _transposed_size((height, width), kernel_size, stride, dilation, extra)
    if any(whole <= 2 * crop for whole, crop in zip(size, padding, strict=True)):
        raise ValueError(f"conv_transpose2d: padding {padding} leaves nothing of an output of {size}")
    image = add_windows(spread, size=size, stride=stride, dilation=dilation)
    image = image[:, padding[0] : size[0] - padding[0], padding[1] : size[1] - padding[1]]
    return (image if bias is None else image + bias).permute(0, 3, 1, 2)


def _sides(
    padding: Pair | str, kernel_size: list[int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Padding as (left, right, top, bottom)."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        if stride != (1, 1):
            raise ValueError("conv2d: padding='same' needs stride 1")
        spare = [step * (kernel - 1) for kernel, step in zip(kernel_size, dilation, strict=True)]
        return spare[1] // 2, spare[1] - spare[1] // 2, spare[0] // 2, spare[0] - spare[0] // 2
    if isinstance(padding, str):
        raise ValueError(f"conv2d: padding is a number, a pair, 'same' or 'valid', not {padding!r}")
    vertical, horizontal = pair(padding, "padding", at_least=0)
    return horizontal, horizontal, vertical, vertical


def _transposed_size(*geometry: Sequence[int]) -> tuple[int, int]:
    height, width = (
        (count - 1) * skip + step * (kernel - 1) + 1 + extra
        for count, kernel, skip, step, extra in zip(*geometry, strict=True)
    )
    return height, width


def _kernels(name: str, weight: Tensor) -> Sequence[int]:
    if weight.ndim != 4:
        raise ValueError(f"{name}: a weight has 4 dimensions, the last two the kernel's; not {tuple(weight.shape)}")
    return weight.shape


def _check_channels(
    name: str, input: Tensor, bias: Tensor | None, channels: int, out_channels: int, groups: int
) -> None:
    check_images(name, input)
    if input.shape[1] != channels:
        raise ValueError(
            f"{name}: the weight expects images (N, {channels}, H, W); the input has shape {tuple(input.shape)}"
        )
    if channels % groups or out_channels % groups:
        raise ValueError(f"{name}: {groups} groups do not divide {channels} and {out_channels} channels")
    if bias is not None and bias.shape != (out_channels,):
        raise ValueError(f"{name}: the bias has shape {tuple(bias.shape)} for {out_channels} output channels")
