"""Convolutions with 3×3 kernels by Winograd's minimal filtering F(4×4, 3×3).

The image is cut into 6×6 patches that overlap by two. In a fitting basis the 4×4 outputs of a patch need one product
for each of its 36 entries, where the sums over taps need 144. The change of basis is a small matrix along each
dimension, and one product with it serves the whole batch.

A patch is a polynomial of degree 5 in each dimension, known by its values at five points and its leading
coefficient.

The 6×6 side is the dearer one. Where the image has more channels than the output, the algorithm is transposed: the
image is cut into 4×4 blocks, and the 6×6 patches of the output are added up, with the kernels turned by half a turn.

Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, arXiv 1509.09308.
"""

import math
from collections.abc import Sequence

from torch import Tensor

from nn.geometry import Sides
from tape.ops.bases import add_changed_windows, change_windows, multiply_changed

__all__ = ["winograd"]

_STEP = 4  # outputs of a patch in each dimension
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
    shape = (n, height + top + bottom - 2, width + left + right - 2, out_channels)
    if channels <= out_channels:
        patches = change_windows(image, matrix=_FROM_IMAGE, step=_STEP, sides=sides)
        products = multiply_changed(patches, weight, matrix=_FROM_KERNEL)
        return add_changed_windows(products, matrix=_FROM_OUTPUT, step=_STEP, shape=shape)
    patches = change_windows(image, matrix=_FROM_OUTPUT, step=_STEP)
    products = multiply_changed(patches, weight, matrix=_FROM_TURNED_KERNEL)
    beyond = (2 - left, 2 - right, 2 - top, 2 - bottom)
    return add_changed_windows(products, matrix=_FROM_IMAGE, step=_STEP, shape=shape, sides=beyond)


def _coefficients(roots: Sequence[float]) -> tuple[float, ...]:
    """Of the polynomial with these roots, the constant first."""
    coefficients = [1.0]
    for root in roots:
        raised, scaled = [0.0, *coefficients], [root * c for c in coefficients] + [0.0]
        coefficients = [a - b for a, b in zip(raised, scaled, strict=True)]
    return tuple(coefficients)


_OTHERS = [[q for q in _POINTS if q != p] for p in _POINTS]
_FROM_IMAGE = (*((*_coefficients(roots), 0.0) for roots in _OTHERS), _coefficients(_POINTS))
# From a cotangent of the outputs; transposed, to the outputs.
_FROM_OUTPUT = (*(tuple(p**k for k in range(_STEP)) for p in _POINTS), (0.0, 0.0, 0.0, 1.0))
_SCALES = [1 / math.prod(p - q for q in roots) for p, roots in zip(_POINTS, _OTHERS, strict=True)]
_FROM_KERNEL = (*(tuple(s * p**k for k in range(3)) for p, s in zip(_POINTS, _SCALES, strict=True)), (0.0, 0.0, 1.0))
_FROM_TURNED_KERNEL = tuple(row[::-1] for row in _FROM_KERNEL)
