"""Convolutions with 3×3 kernels by Winograd's minimal filtering F(4×4, 3×3).

The image is cut into 6×6 patches that overlap by two. In a fitting basis the 4×4 outputs of a patch need one product
for each of its 36 entries, where the sums over taps need 144. The change of basis is a small matrix along each
dimension, and one product with it serves the whole batch.

A patch is a polynomial of degree 5 in each dimension, known by its values at five points and its leading
coefficient. Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, arXiv 1509.09308.
"""

import math
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from nn.geometry import Sides
from tape.ops.patches import windows

__all__ = ["winograd"]

_STEP = 4  # outputs of a patch in each dimension
_SPAN = 6  # its inputs
# These points lose three times fewer digits than the textbook's 0, 1, -1, 2 and -2.
_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)


def winograd(image: Tensor, weight: Tensor, sides: Sides) -> Tensor:
    """Cross-correlates a channels-last image with 3×3 kernels.

    Args:
        image: (N, H, W, C).
        weight: (out channels, C, 3, 3).
        sides: zeros around the image.

    Returns:
        (N, H + top + bottom - 2, W + left + right - 2, out channels).
    """
    out_channels, channels = weight.shape[:2]
    n, height, width, _ = image.shape
    left, right, top, bottom = sides
    rows, columns = height + top + bottom - 2, width + left + right - 2
    down, across = -(-rows // _STEP), -(-columns // _STEP)
    from_image, from_kernel, to_output = _bases(weight.dtype, weight.device)

    margin = (0, 0, left, right + _STEP * across - columns, top, bottom + _STEP * down - rows)
    image = F.pad(image, margin)
    bands = windows(image, kernel_size=(_SPAN, 1), stride=(_STEP, 1)).permute(3, 4, 0, 1, 2, 5)
    bands = (from_image @ bands.reshape(_SPAN, -1)).reshape(_SPAN * n, down, -1, channels)
    patches = windows(bands, kernel_size=(1, _SPAN), stride=(1, _STEP)).permute(4, 3, 0, 1, 2, 5)
    patches = (from_image @ patches.reshape(_SPAN, -1)).reshape(_SPAN * _SPAN, n * down * across, channels)

    kernels = from_kernel @ weight.permute(3, 2, 1, 0).reshape(9, channels * out_channels)
    products = patches @ kernels.reshape(_SPAN * _SPAN, channels, out_channels)

    outputs = (to_output @ products.reshape(_SPAN, -1)).reshape(_STEP, _SPAN, -1)
    outputs = (to_output @ outputs).reshape(_STEP, _STEP, n, down, across, out_channels)
    outputs = outputs.permute(2, 3, 1, 4, 0, 5).reshape(n, _STEP * down, _STEP * across, out_channels)
    exact = (_STEP * down, _STEP * across) == (rows, columns)
    return outputs if exact else outputs[:, :rows, :columns]


@cache
def _bases(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """What changes 6 inputs, 3×3 taps, and 6 products for 4 outputs, into the other basis and back."""
    others = [[q for q in _POINTS if q != p] for p in _POINTS]
    from_image = [[*_coefficients(roots), 0.0] for roots in others] + [_coefficients(_POINTS)]
    scales = [1 / math.prod(p - q for q in roots) for p, roots in zip(_POINTS, others, strict=True)]
    from_taps = [[scale * p**k for k in range(3)] for p, scale in zip(_POINTS, scales, strict=True)] + [[0.0, 0.0, 1.0]]
    to_output = [[p**k for p in _POINTS] + [float(k == _STEP - 1)] for k in range(_STEP)]
    with torch.inference_mode(False):  # the cache outlives the mode in which it is filled
        taps = torch.tensor(from_taps, dtype=torch.float64)
        matrices = torch.tensor(from_image), torch.kron(taps, taps), torch.tensor(to_output)
        first, second, third = (matrix.to(device, dtype) for matrix in matrices)
    return first, second, third


def _coefficients(roots: Sequence[float]) -> list[float]:
    """Of the polynomial with these roots, the constant first."""
    coefficients = [1.0]
    for root in roots:
        raised, scaled = [0.0, *coefficients], [root * c for c in coefficients] + [0.0]
        coefficients = [a - b for a, b in zip(raised, scaled, strict=True)]
    return coefficients
