"""White Gaussian noise."""

from dataclasses import dataclass

import torch
from torch import Tensor

from n2n.noise.pixels import PixelNoise

__all__ = ["Gaussian"]


@dataclass(frozen=True)
class Gaussian(PixelNoise):
    """Adds normal noise of standard deviation `low` to `high`, on the scale of 0 to 255.

    >>> noisy = Gaussian(25, 25)(torch.zeros(1, 3, 64, 64), torch.Generator().manual_seed(0))
    >>> round(float(noisy.std() * 255))
    25
    """

    usage = "gaussian:SIGMA or gaussian:LOW-HIGH with sigma on the scale of 0 to 255, as in gaussian:25"

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        sigma = self.strengths(images, generator) / 255
        noise = torch.randn(images.shape, generator=generator, dtype=images.dtype, device=generator.device)
        return torch.addcmul(images, noise.to(images.device), sigma)
