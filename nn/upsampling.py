"""Enlarging images: by repeating pixels, alone or followed by a convolution."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from nn.convolution import conv2d
from nn.correlation import correlate, is_narrow
from nn.geometry import Pair, check_channels, check_images, kernel_shape, padding_sides, pair
from nn.merged import merge, merging
from tape.ops.phases import interleave, repeat_pixels
from tape.ops.precision import in_float32

__all__ = ["interpolate", "upsample_conv2d", "upsample_nearest"]


def upsample_nearest(input: Tensor, scale_factor: Pair) -> Tensor:
    """Repeats each pixel `scale_factor` times down and across, as `torch.nn.functional.interpolate` by default.

    Args:
        input: (..., H, W).

    Returns:
        (..., H scale, W scale).

    Raises ValueError for a scale below 1.

    >>> upsample_nearest(torch.tensor([[1.0, 2.0]]), 2)
    tensor([[1., 1., 2., 2.],
            [1., 1., 2., 2.]])
    """
    down, across = pair(scale_factor, "scale_factor", at_least=1)
    if input.ndim == 4 and not is_narrow(input.shape[1]):
        return repeat_pixels(input.permute(0, 2, 3, 1), scale=(down, across)).permute(0, 3, 1, 2)
    return input.repeat_interleave(across, -1).repeat_interleave(down, -2)


@in_float32
def upsample_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    scale_factor: Pair = 2,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """`upsample_nearest` followed by `conv2d`: an upsampling without the checkerboard pattern of a transposed
    convolution.

    Args:
        input: (N, C, H, W), or (C, H, W).
        weight: (out channels, C / groups, kernel height, kernel width).
        bias: (out channels,).
        stride, padding, dilation: as in `conv2d`, in pixels of the enlarged image.

    Returns:
        what `conv2d(upsample_nearest(input, scale_factor), weight, ...)` returns, up to rounding.

    Raises ValueError as the two do. Source: Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts",
    Distill, 2016.

    >>> upsample_conv2d(torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1, 2, 2))
    tensor([[[4., 6., 8.]]])
    """
    if input.ndim == 3:
        batch = input.unsqueeze(0)
        return upsample_conv2d(batch, weight, bias, scale_factor, stride, padding, dilation, groups).squeeze(0)
    scale, skip = pair(scale_factor, "scale_factor", at_least=1), pair(stride, "stride", at_least=1)
    spread = pair(dilation, "dilation", at_least=1)
    out_channels, channels, *kernel_size = kernel_shape("upsample_conv2d", weight)
    check_channels("upsample_conv2d", input, bias, channels * groups, out_channels, groups)
    left, right, top, bottom = padding_sides(padding, kernel_size, skip, spread)
    down, across = map(merge, input.shape[2:], scale, skip, kernel_size, spread, (top, left), (bottom, right))
    # A kernel whose taps lie far apart meets as many pixels of the small image as of the large one, or more.
    fewer_taps = down.taps * across.taps <= kernel_size[0] * kernel_size[1]
    if groups != 1 or scale == (1, 1) or not fewer_taps or min(down.size, across.size) < 1:
        return conv2d(upsample_nearest(input, scale), weight, bias, stride, padding, dilation, groups)

    each = (down.phases, across.phases, out_channels)
    phases = down.phases * across.phases
    kernels = weight.reshape(out_channels * channels, -1) @ merging(down, across, weight.dtype, weight.device)
    kernels = kernels.reshape(out_channels, channels, phases, -1).permute(2, 0, 1, 3)
    kernels = kernels.reshape(phases * out_channels, channels, down.taps, across.taps)
    planar, sides = is_narrow(out_channels), (*across.sides, *down.sides)
    output = correlate(input, kernels, sides, (down.stride, across.stride), planar=planar)
    n, _, *counts = output.shape
    if planar:
        output = output.permute(1, 0, 2, 3).reshape(*each, n, *counts)
        output = interleave(output, size=(down.size, across.size)).permute(1, 0, 2, 3)
    else:
        rows, columns = counts[0] * down.phases, counts[1] * across.phases
        output = output.permute(0, 2, 3, 1).reshape(n, *counts, *each).permute(0, 1, 3, 2, 4, 5)
        output = output.reshape(n, rows, columns, out_channels).permute(0, 3, 1, 2)
        if (rows, columns) != (down.size, across.size):
            output = output[:, :, : down.size, : across.size]
    return output if bias is None else output + bias.reshape(1, -1, 1, 1)


@tape.implements(F.interpolate)
def interpolate(
    input: Tensor,
    size: Pair | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resizes images (N, C, H, W) by nearest neighbours, as `torch.nn.functional.interpolate`.

    Args:
        size: rows and columns of the result, one number or a pair; or else
        scale_factor: how many times as many, rounded down.

    Returns:
        (N, C, H', W').

    Raises ValueError for any other mode, for options that belong to other modes, for both or neither of size and
    scale_factor, and where nothing would be left.

    >>> interpolate(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), size=(1, 2))
    tensor([[[[1., 3.]]]])
    """
    check_images("interpolate", input)
    if mode != "nearest" or align_corners is not None or antialias:
        raise ValueError("interpolate supports mode='nearest' alone, without align_corners and antialias")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate takes either size or scale_factor")
    if scale_factor is None:
        assert size is not None
        scales: tuple[float, ...] | None = None
        target = pair(size, "size", at_least=1)
    else:
        scales = (scale_factor,) * 2 if isinstance(scale_factor, (int, float)) else tuple(scale_factor)
        if len(scales) != 2:
            raise ValueError(f"scale_factor must be one number or (height, width), not {scales}")
        target = (int(input.shape[-2] * scales[0]), int(input.shape[-1] * scales[1]))
        if all(scale == int(scale) and scale >= 1 for scale in scales):
            return upsample_nearest(input, [int(scale) for scale in scales])
        if min(target) < 1:
            raise ValueError(f"interpolate: scale_factor {scale_factor} leaves nothing of {tuple(input.shape)}")
        if recompute_scale_factor:
            scales = None
    for axis, dim in enumerate((-2, -1)):
        size_before, size_after = input.shape[dim], target[axis]
        ratio = size_before / size_after
        if scales is not None and ratio not in (1, 0.5):  # torch goes by the sizes where an image stays or doubles
            ratio = 1 / scales[axis]
        # torch computes the places in float32.
        places = (torch.arange(size_after, dtype=torch.float32, device=input.device) * ratio).long()
        input = input.index_select(dim, places.clamp(max=size_before - 1))
    return input
