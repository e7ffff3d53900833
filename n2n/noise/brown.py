"""Gaussian noise that neighbouring pixels share."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from n2n.noise.pixels import PixelNoise

__all__ = ["Brown"]

WIDTH = 3.0  # of the filter, its standard deviation in pixels
REACH = math.ceil(4 * WIDTH)


@dataclass(frozen=True)
class Brown(PixelNoise):
    """Adds normal noise that is correlated between pixels, of deviation `low` to `high` on the scale of 0 to 255.

    White noise is filtered by a Gaussian of deviation 3 pixels and scaled to its own deviation again, as is the
    brown noise of the Noise2Noise paper, which tries several widths. Pixels d apart correlate by exp(−d²/36);
    channels do not.

    >>> noise = Brown(25, 25)(torch.zeros(1, 1, 512, 512), torch.Generator().manual_seed(0)) * 255
    >>> 22 < float(noise.std()) < 28, float((noise[..., 1:] - noise[..., :-1]).std()) < 7
    (True, True)
    """

    usage = "brown:SIGMA or brown:LOW-HIGH with sigma on the scale of 0 to 255, as in brown:25"

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        sigma = self.strengths(images, generator) / 255
        height, width = images.shape[2:]
        # The white noise reaches beyond the edges, so that each pixel's is filtered alike.
        shape = (*images.shape[:2], height + 2 * REACH, width + 2 * REACH)
        white = torch.randn(shape, generator=generator, dtype=images.dtype, device=generator.device)
        return torch.addcmul(images, _filtered(_filtered(white, 2), 3).to(images.device), sigma)


def _filtered(noise: Tensor, axis: int) -> Tensor:
    """The noise under a Gaussian along one axis, of the same deviation: 2·REACH shorter."""
    weights = [math.exp(-((step / WIDTH) ** 2) / 2) for step in range(-REACH, REACH + 1)]
    norm = math.hypot(*weights)
    size = noise.shape[axis] - 2 * REACH
    result = torch.zeros_like(noise.narrow(axis, 0, size))
    for first, weight in enumerate(weights):
        result.add_(noise.narrow(axis, first, size), alpha=weight / norm)
    return result
