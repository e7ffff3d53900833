"""Pooling over sliding windows.

A size, a stride or a padding is one number for both dimensions, or (height, width), in pixels.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from nn.geometry import Pair, check_images, pair
from tape.ops.patches import max_taps, windows
from tape.ops.precision import in_float32

__all__ = ["avg_pool2d", "max_pool2d"]


@tape.implements(F.max_pool2d, torch.max_pool2d)
def max_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The largest entry of each window, as `torch.nn.functional.max_pool2d`.

    Args:
        input: (N, C, H, W), or (C, H, W).
        stride: the kernel size if None.
        padding: entries of minus infinity on each side, at most half the kernel size.
        ceil_mode: whether a last window may hang over the edge.

    Returns:
        (N, C, H', W'), or without N. Of equal entries the first gets the cotangent.

    Raises ValueError for images of other dimensions, sizes below 1, a padding that is too wide, and a window that
    does not fit into the image.

    >>> max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    if input.ndim == 3:
        return max_pool2d(input.unsqueeze(0), kernel_size, stride, padding, dilation, ceil_mode).squeeze(0)
    check_images("max_pool2d", input)
    kernel, step = pair(kernel_size, "kernel_size", at_least=1), pair(dilation, "dilation", at_least=1)
    skip, margin = _stride(stride, kernel), _padding("max_pool2d", padding, kernel)
    over = _overhang(input, kernel, skip, margin, step, ceil_mode)
    image = _padded(input, margin, over, -math.inf)
    patches = windows(image.contiguous(), kernel_size=kernel, stride=skip, dilation=step)
    return max_taps(patches).permute(0, 3, 1, 2)


@tape.implements(F.avg_pool2d)
@in_float32
def avg_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, as `torch.nn.functional.avg_pool2d`.

    Args:
        input: (N, C, H, W), or (C, H, W).
        stride: the kernel size if None.
        padding: zeros on each side, at most half the kernel size.
        ceil_mode: whether a last window may hang over the edge; what hangs over does not count.
        count_include_pad: whether the padding counts.
        divisor_override: what to divide by instead of the count, not 0.

    Returns:
        (N, C, H', W'), or without N.

    Raises ValueError as `max_pool2d` does.

    >>> avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    if divisor_override == 0:
        raise ValueError("avg_pool2d: divisor_override is what windows are divided by, and cannot be 0")
    if input.ndim == 3:
        return avg_pool2d(
            input.unsqueeze(0), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        ).squeeze(0)
    check_images("avg_pool2d", input)
    kernel = pair(kernel_size, "kernel_size", at_least=1)
    skip, margin = _stride(stride, kernel), _padding("avg_pool2d", padding, kernel)
    over = _overhang(input, kernel, skip, margin, (1, 1), ceil_mode)
    image = _padded(input, margin, over, 0.0)
    total = windows(image.contiguous(), kernel_size=kernel, stride=skip).sum((3, 4)).permute(0, 3, 1, 2)
    if divisor_override is not None:
        return total / divisor_override
    if over == (0, 0) and (count_include_pad or margin == (0, 0)):
        return total / (kernel[0] * kernel[1])
    counted = torch.ones((1, 1, *input.shape[2:]), dtype=input.dtype, device=input.device)
    if count_include_pad:
        counted = F.pad(counted, (margin[1], margin[1], margin[0], margin[0]), value=1.0)
        counted = F.pad(counted, (0, over[1], 0, over[0])).permute(0, 2, 3, 1)
    else:
        counted = _padded(counted, margin, over, 0.0)
    counts = windows(counted.contiguous(), kernel_size=kernel, stride=skip).sum((3, 4)).permute(0, 3, 1, 2)
    return total / counts


def _stride(stride: Pair | None, kernel: tuple[int, int]) -> tuple[int, int]:
    return kernel if stride is None or stride == [] else pair(stride, "stride", at_least=1)


def _padding(name: str, padding: Pair, kernel: tuple[int, int]) -> tuple[int, int]:
    margin = pair(padding, "padding", at_least=0)
    if any(m > k // 2 for m, k in zip(margin, kernel, strict=True)):
        raise ValueError(f"{name}: padding {margin} is more than half of the kernel size {kernel}")
    return margin


def _overhang(
    input: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    ceil_mode: bool,
) -> tuple[int, int]:
    """How many rows and columns the last windows reach beyond the padded image."""
    if not ceil_mode:
        return 0, 0
    over = []
    for size, k, s, p, d in zip(input.shape[2:], kernel, stride, padding, dilation, strict=True):
        span = d * (k - 1) + 1
        last = -(-(size + 2 * p - span) // s)
        if last * s >= size + p:  # a window that would start in the padding on the right
            last -= 1
        over.append(max(last * s + span - size - 2 * p, 0))
    return over[0], over[1]


def _padded(input: Tensor, margin: tuple[int, int], over: tuple[int, int], value: float) -> Tensor:
    """Channels-last, with a margin all around and some more at the bottom and on the right."""
    sides = (0, 0, margin[1], margin[1] + over[1], margin[0], margin[0] + over[0])
    return F.pad(input.permute(0, 2, 3, 1), sides, value=value)
