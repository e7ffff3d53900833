"""Noise that hides a share of the pixels and leaves the others as they are."""

from abc import ABC
from dataclasses import dataclass

from n2n.noise.pixels import PixelNoise

__all__ = ["Covering"]

MOST = 0.95  # of the pixels, the most that the Noise2Noise paper trains on


@dataclass(frozen=True)
class Covering(PixelNoise, ABC):
    """Noise whose strength is the share of the pixels that it hides, all channels of a pixel at once."""

    def __post_init__(self) -> None:
        if self.high > MOST:
            raise ValueError(f"the share of the pixels is at most {MOST}: {self.usage}")
