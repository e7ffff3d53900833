"""Enlarging images: by repeating pixels, alone or followed by a convolution."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from nn.convolution import conv2d
from nn.geometry import Pair, check_images, pair

__all__ = ["interpolate", "upsample_conv2d", "upsample_nearest"]


def upsample_nearest(input: Tensor, scale_factor: Pair) -> Tensor:
    """Repeats each pixel `scale_factor` times down and across.

    Args:
        input: (..., H, W).

    Returns:
        (..., H scale, W scale).

    >>> upsample_nearest(torch.tensor([[1.0, 2.0]]), 2)
    tensor([[1., 1., 2., 2.],
            [1., 1., 2., 2.]])
    """
    down, across = pair(scale_factor, "scale_factor", at_least=1)
    return input.repeat_interleave(across, -1).repeat_interleave(down, -2)


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
    """
    return conv2d(upsample_nearest(input, scale_factor), weight, bias, stride, padding, dilation, groups)


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

    Raises:
        ValueError: for any other mode, and for options that belong to other modes.
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
