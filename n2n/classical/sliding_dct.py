"""Denoising with the cosine transform of each block of 8×8 pixels, wherever it begins.

What a picture shows is a few large coefficients in each block, white noise is a little of all of them. After Yu and
Sapiro, "DCT image denoising: a simple and effective image denoising algorithm", Image Processing On Line 1 (2011).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["sliding_dct"]

SIDE = 8  # pixels, of a block
STRIP = 32  # rows of blocks at once: they are 64 times as large as the pixels, and fast while a cache holds them


def sliding_dct(images: Tensor, deviation: Tensor, threshold: float = 2.7) -> Tensor:
    """Takes away white noise: float (N, C, H, W), of any size, in about [0, 1].

    In each block, of all channels, coefficients below `threshold` times the noise's deviation are set to zero. A
    pixel is the mean over the blocks that hold it; the fewer coefficients a block has kept, the more it counts.

    Args:
        deviation: of the noise in each image, (N,), where white is 1. An image without noise stays as it is.

    >>> noisy = 0.5 + 0.1 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> clean = sliding_dct(noisy, torch.tensor([0.1]))
    >>> bool((clean - 0.5).std() < 0.02)
    True
    """
    across = _cosines(images.shape[1]).to(images)
    within = torch.kron(_cosines(SIDE), _cosines(SIDE)).to(images)
    return torch.stack(
        [_shrunk(image, threshold * each, across, within) for image, each in zip(images, deviation, strict=True)]
    )


def _shrunk(image: Tensor, least: Tensor, across: Tensor, within: Tensor) -> Tensor:
    """Of an image (C, H, W); `across` transforms its channels, `within` the pixels of a block, (64, 64)."""
    _, height, width = image.shape
    margin = SIDE - 1
    image = _mirrored(_mirrored(torch.tensordot(across, image, 1), 1), 2)
    total, weights = torch.zeros_like(image), torch.zeros_like(image[0])
    for top in range(0, height + margin, STRIP):
        rows = slice(top, top + STRIP + margin)
        size = image[0, rows].shape
        coefficients = within @ F.unfold(image[:, None, rows], SIDE)  # (C, 64, blocks)
        kept = coefficients.abs() > least
        kept[:, 0] = True  # the mean
        weight = 1 / kept.sum((0, 1), dtype=image.dtype)
        total[:, rows] += F.fold(within.T @ coefficients.mul_(kept).mul_(weight), size, SIDE)[:, 0]
        weights[rows] += F.fold(weight.expand(1, SIDE**2, -1), size, SIDE)[0, 0]
    mean = (total / weights)[:, margin : margin + height, margin : margin + width]
    result: Tensor = torch.tensordot(across.T, mean, 1)
    return result


def _mirrored(image: Tensor, dim: int) -> Tensor:
    """Continued by its mirror image, so that each pixel lies in as many blocks as any other."""
    size = image.shape[dim]
    places = torch.arange(1 - SIDE, size + SIDE - 1, device=image.device) % (2 * size)
    return image.index_select(dim, torch.minimum(places, 2 * size - 1 - places))


def _cosines(size: int) -> Tensor:
    """The orthogonal cosine transform, float64 (size, size), a row for each frequency."""
    frequency, place = torch.arange(size, dtype=torch.float64)[:, None], torch.arange(size, dtype=torch.float64)
    rows = torch.cos(math.pi / size * frequency * (place + 0.5)) * math.sqrt(2 / size)
    rows[0] /= math.sqrt(2)
    return rows
