"""Noise of sampling: a small picture that has one pixel of each cell of a larger one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from n2n.noise.model import Pairs
from n2n.noise.pixels import span
from n2n.noise.scenes import Scenes

__all__ = ["PointSample"]


@dataclass(frozen=True)
class PointSample:
    """Shrinks a window by keeping one random pixel of each cell; the clean picture has each cell's mean.

    The side of a cell is `low` to `high` pixels of the larger photo, not necessarily whole ones. Without
    numbers it goes from 6 to as much as the photo holds, and of a photo that does not hold 6 the largest square
    is taken. With numbers, every photo must hold the smallest. The noise is white, correlated between channels as the
    picture's colours are, and strong where the picture has detail.
    """

    low: float = 6.0
    high: float = math.inf

    usage = "pointsample, pointsample:CELL or pointsample:LOW-HIGH with the side of a cell in pixels, as in 6-12"

    def __post_init__(self) -> None:
        if self.low <= 1:
            raise ValueError(f"a cell is wider than 1 pixel: {self.usage}")

    def sides(self, size: int, shorter: Tensor) -> tuple[Tensor, Tensor]:
        most = shorter if math.isinf(self.high) else shorter.clamp(max=math.floor(self.high * size))
        return most.clamp(max=math.ceil(self.low * size)), most

    def smallest(self, size: int) -> int:
        return size if math.isinf(self.high) else math.ceil(self.low * size)

    def clean(self, scenes: Scenes) -> Tensor:
        return scenes.mean()

    def noisy(self, scenes: Scenes, generator: torch.Generator) -> Tensor:
        return scenes.sample(generator)

    def pairs(self, scenes: Scenes, generator: torch.Generator) -> Pairs:
        return Pairs(self.noisy(scenes, generator), self.noisy(scenes, generator))

    def __str__(self) -> str:
        return "pointsample" if math.isinf(self.high) else f"pointsample:{span(self.low, self.high)}"
