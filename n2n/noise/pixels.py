"""Noise at the picture's own resolution: what its kinds have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from n2n.noise.model import Pairs
from n2n.noise.scenes import Scenes

__all__ = ["PixelNoise", "span"]


@dataclass(frozen=True)
class PixelNoise(ABC):
    """Noise of pixels; its strength is drawn from [low, high] for each image.

    A subclass is a pure function of an image batch, float (N, C, H, W) in [0, 1], and a generator.
    """

    low: float
    high: float

    usage = ""

    @abstractmethod
    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """A noisy version of each image, not clipped."""

    def sides(self, size: int, shorter: Tensor) -> tuple[Tensor, Tensor]:
        side = torch.full_like(shorter, size)
        return side, side

    def smallest(self, size: int) -> int:
        return size

    def clean(self, scenes: Scenes) -> Tensor:
        return scenes.mean()

    def noisy(self, scenes: Scenes, generator: torch.Generator) -> Tensor:
        return self(scenes.mean(), generator)

    def pairs(self, scenes: Scenes, generator: torch.Generator) -> Pairs:
        return Pairs(self.noisy(scenes, generator), self.noisy(scenes, generator))

    def strengths(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, 1, 1, 1), on the images' device; the generator is only asked where there is a range."""
        if self.low == self.high:
            return images.new_full((len(images), 1, 1, 1), self.low)
        drawn = torch.rand((len(images), 1, 1, 1), generator=generator, dtype=images.dtype, device=generator.device)
        return (self.low + (self.high - self.low) * drawn).to(images.device)

    def __str__(self) -> str:
        return f"{type(self).__name__.lower()}:{span(self.low, self.high)}"


def span(low: float, high: float) -> str:
    """A strength, or a range of strengths, as people write it."""
    numbers = [repr(strength).removesuffix(".0") for strength in (low, high)]
    return numbers[0] if low == high else "-".join(numbers)
