"""Convolutions, composed of windows and matrix products.

Half-precision images are convolved in float32: a sum of half-precision products would be rounded tap by tap, and a
change of basis loses digits that they do not have. Inside, images are channels-last: a row of a window is then one run
in memory. A size, a stride, a padding or a dilation is one number for both dimensions, or (height, width), in pixels.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

import tape
from nn.correlation import correlate, is_narrow
from nn.geometry import Pair, check_channels, kernel_shape, padding_sides, pair
from tape.ops.patches import add_windows
from tape.ops.precision import in_float32

__all__ = ["conv2d", "conv_transpose2d"]


@tape.implements(F.conv2d)
@in_float32
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
        (N, out channels, (H + 2 padding - dilation (kernel height - 1) - 1) // stride + 1, W'), or without N, of
        the dtype that input and weight share.

    Raises ValueError where the shapes do not fit together, for a stride or dilation below 1 and a negative padding,
    and for a kernel that does not fit into the padded image.

    >>> import torch
    >>> conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)).squeeze()
    tensor([[4., 4.],
            [4., 4.]])
    """
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    stride, dilation = pair(stride, "stride", at_least=1), pair(dilation, "dilation", at_least=1)
    out_channels, group_channels, *kernel_size = kernel_shape("conv2d", weight)
    check_channels("conv2d", input, bias, group_channels * groups, out_channels, groups)
    sides = padding_sides(padding, kernel_size, stride, dilation)
    output = correlate(input, weight, sides, stride, dilation, groups, planar=is_narrow(out_channels))
    return output if bias is None else output + bias.reshape(1, -1, 1, 1)


@tape.implements(F.conv_transpose2d)
@in_float32
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
        (N, out channels, (H - 1) stride - 2 padding + dilation (kernel height - 1) + output_padding + 1, W'), or
        without N.

    Raises ValueError where the shapes do not fit together, where the padding leaves nothing, and for an
    output_padding that is smaller than neither the stride nor the dilation.

    >>> import torch
    >>> conv_transpose2d(torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1, 1, 2))
    tensor([[[1., 3., 2.]]])
    """
    if input.ndim == 3:
        batch = input.unsqueeze(0)
        return conv_transpose2d(batch, weight, bias, stride, padding, output_padding, groups, dilation).squeeze(0)
    stride, dilation = pair(stride, "stride", at_least=1), pair(dilation, "dilation", at_least=1)
    padding, extra = pair(padding, "padding", at_least=0), pair(output_padding, "output_padding", at_least=0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"conv_transpose2d: output_padding {extra} must be smaller than the stride or dilation")
    in_channels, group_channels, *kernel_size = kernel_shape("conv_transpose2d", weight)
    out_channels, taps = group_channels * groups, kernel_size[0] * kernel_size[1]
    check_channels("conv_transpose2d", input, bias, in_channels, out_channels, groups)
    size = _transposed_size(input.shape[2:], kernel_size, stride, dilation, extra)
    if any(whole <= 2 * crop for whole, crop in zip(size, padding, strict=True)):
        raise ValueError(f"conv_transpose2d: padding {padding} leaves nothing of an output of {size}")
    margins = [step * (k - 1) - crop for step, k, crop in zip(dilation, kernel_size, padding, strict=True)]
    if stride == (1, 1) and groups == 1 and min(margins) >= 0:
        # A convolution too, with the kernel turned round.
        kernels = weight.flip(2, 3).transpose(0, 1)
        sides = margins[1], margins[1] + extra[1], margins[0], margins[0] + extra[0]
        output = correlate(input, kernels, sides, dilation=dilation, planar=is_narrow(out_channels))
        return output if bias is None else output + bias.reshape(1, -1, 1, 1)
    n, _, height, width = input.shape
    pixels = input.permute(0, 2, 3, 1).reshape(n * height * width, groups, in_channels // groups)
    kernels = weight.reshape(groups, in_channels // groups, group_channels, taps).permute(0, 1, 3, 2)
    product = pixels.permute(1, 0, 2) @ kernels.reshape(groups, in_channels // groups, taps * group_channels)
    spread = product.reshape(groups, n, height, width, *kernel_size, group_channels).permute(1, 2, 3, 4, 5, 0, 6)
    spread = spread.reshape(n, height, width, *kernel_size, out_channels)
    image = add_windows(spread, size=size, stride=stride, dilation=dilation)
    image = image[:, padding[0] : size[0] - padding[0], padding[1] : size[1] - padding[1]]
    return (image if bias is None else image + bias).permute(0, 3, 1, 2)


def _transposed_size(*geometry: Sequence[int]) -> tuple[int, int]:
    height, width = (
        (count - 1) * skip + step * (kernel - 1) + 1 + extra
        for count, kernel, skip, step, extra in zip(*geometry, strict=True)
    )
    return height, width
