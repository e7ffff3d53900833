"""The noise of counted photons."""

from dataclasses import dataclass

import torch
from torch import Tensor

from n2n.noise.pixels import PixelNoise

__all__ = ["Poisson"]

LEAST_PEAK = 1e-3


@dataclass(frozen=True)
class Poisson(PixelNoise):
    """Counts photons: a pixel of intensity x is a Poisson count of mean λx, over λ; λ is `low` to `high`.

    λ is the mean count at white, as in the Noise2Noise paper, and the variance is x/λ. As there, a range may
    begin at 0, and λ is then at least 0.001.
    """

    usage = "poisson:PEAK or poisson:LOW-HIGH with the mean count of photons at white, as in poisson:30"

    def __post_init__(self) -> None:
        if self.high < LEAST_PEAK:
            raise ValueError(f"the count at white is positive: {self.usage}")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        peak = self.strengths(images, generator).clamp(min=LEAST_PEAK)
        counts = torch.poisson((images.clamp(min=0) * peak).to(generator.device), generator=generator)
        return counts.to(images.device) / peak
