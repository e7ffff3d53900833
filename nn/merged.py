"""An upsampling and the convolution after it as one convolution of the small image.

A kernel on an enlarged image meets few distinct pixels, and repeats itself when it has moved by whole pixels: each
phase of its outputs has a kernel of its own, whose taps are sums of the original's.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Merged", "merge", "merging"]


class Merged(NamedTuple):
    """The one convolution of the small image, along one dimension."""

    size: int  # of the output
    phases: int
    stride: int  # from one output of a phase to its next, in pixels of the small image
    taps: int
    sides: tuple[int, int]
    place: tuple[tuple[int, ...], ...]  # for each phase, the merged tap to which each tap of the kernel goes


def merge(size: int, scale: int, stride: int, kernel: int, dilation: int, before: int, after: int) -> Merged:
    """Of an upsampling by `scale` and a convolution with `before` and `after` zeros on its sides."""
    common = math.gcd(scale, stride)
    phases, step = scale // common, stride // common
    pixels = [[(stride * phase + dilation * tap - before) // scale for tap in range(kernel)] for phase in range(phases)]
    first = min(map(min, pixels))
    taps = max(map(max, pixels)) - first + 1
    outputs = (scale * size + before + after - dilation * (kernel - 1) - 1) // stride + 1
    last = step * (-(-outputs // phases) - 1) + first + taps - 1
    place = tuple(tuple(pixel - first for pixel in of_phase) for of_phase in pixels)
    return Merged(outputs, phases, step, taps, (-first, last - size + 1), place)


@lru_cache
def merging(down: Merged, across: Merged, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The matrix of zeros and ones that sums a kernel's taps into those of all phases."""
    with torch.inference_mode(False):  # the cache outlives the mode in which it is filled
        vertical, horizontal = (
            F.one_hot(torch.tensor(merged.place), merged.taps).to(device, dtype) for merged in (down, across)
        )
        matrix = torch.einsum("akd,ble->klabde", vertical, horizontal)
        return matrix.reshape(matrix.shape[0] * matrix.shape[1], -1)
