"""Noise models, each written as one string: `gaussian:25`, `poisson:0-50`, `pointsample`.

A model works on `Scenes`, a batch of windows into pictures: it says how wide such a window is, what its
clean picture is, and draws as many independent noisy ones as are asked for. Noise of pixels takes windows at
the picture's own resolution; point sampling makes a small picture out of a larger window. Nothing is ever
clipped: that would break the zero mean on which Noise2Noise rests.
"""

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from n2n.errors import InputError, unknown
from n2n.scenes import Scenes


class Pairs(NamedTuple):
    """Noisy images and as noisy targets, float32 (N, C, H, W) in about [0, 1], not clipped.

    `mask`, (N, 1, H, W), is 1 where a target was measured and 0 where it was not; None if all of it was.
    """

    noisy: Tensor
    target: Tensor
    mask: Tensor | None = None


class Noise(Protocol):
    """How pictures become noisy. `str` gives back the string that `parse_noise` reads."""

    def sides(self, size: int, shorter: Tensor) -> tuple[Tensor, Tensor]:
        """The least and the greatest side, in pixels, of a window that makes a (size, size) picture.

        `shorter` is the shorter side of each photo, int64 (N,), and at least `smallest(size)`.
        """

    def smallest(self, size: int) -> int:
        """The shorter side that a photo must have to make a (size, size) picture."""

    def clean(self, scenes: Scenes) -> Tensor:
        """What the noisy pictures are on average: float32 (N, C, H, W)."""

    def noisy(self, scenes: Scenes, generator: torch.Generator) -> Tensor:
        """A noisy picture of each scene, independent of other draws: float32 (N, C, H, W), not clipped."""

    def pairs(self, scenes: Scenes, generator: torch.Generator) -> Pairs:
        """Two independent noisy pictures of each scene."""


def parse_noise(text: str) -> Noise:
    """The noise model that `text` names; `InputError` where it names none.

    A model is a name, and after a colon its strength: one number, or two with a dash between them for a
    strength that is drawn uniformly for each image.

    >>> parse_noise("gaussian:0-50")
    Gaussian(low=0.0, high=50.0)
    >>> print(parse_noise("Poisson: 30"))
    poisson:30
    """
    name, colon, strength = (part.strip() for part in text.partition(":"))
    model = noises.get(name.lower())
    if model is None:
        raise unknown("noise", name, noises)
    if not colon and model is PointSample:
        return PointSample()
    number = r"((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)"
    match = re.fullmatch(rf"{number}(?:\s*-\s*{number})?", strength.lower())
    if not match:
        raise InputError(f"noise '{text}': write {model.usage}")
    low, high = float(match[1]), float(match[2] or match[1])
    if low > high:
        raise InputError(f"noise '{text}': its range is the wrong way round, write {_range(high, low)}")
    try:
        return model(low, high)
    except ValueError as error:
        raise InputError(f"noise '{text}': {error}") from None


# Noise of pixels --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PixelNoise(ABC):
    """Noise that each pixel gets for itself; its strength is drawn from [low, high] for each image.

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
        return f"{type(self).__name__.lower()}:{_range(self.low, self.high)}"


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


LEAST_PEAK = 1e-3


# Noise of sampling ------------------------------------------------------------------------------------------


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
        return "pointsample" if math.isinf(self.high) else f"pointsample:{_range(self.low, self.high)}"


def _range(low: float, high: float) -> str:
    numbers = [repr(strength).removesuffix(".0") for strength in (low, high)]
    return numbers[0] if low == high else "-".join(numbers)


# A new model is a class above and its name here.
noises: dict[str, type[PixelNoise] | type[PointSample]] = {
    "gaussian": Gaussian,
    "poisson": Poisson,
    "pointsample": PointSample,
}
