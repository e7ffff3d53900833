"""What a noise model is: how pictures become noisy, and the pairs that training takes from it."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from n2n.noise.scenes import Scenes, Sided

__all__ = ["Noise", "Pairs"]


class Pairs(NamedTuple):
    """Noisy images and as noisy targets, float32 (N, C, H, W) in about [0, 1], not clipped.

    `mask`, (N, 1, H, W), is 1 where a target was measured and 0 where it was not; None if all of it was.
    """

    noisy: Tensor
    target: Tensor
    mask: Tensor | None = None


class Noise(Sided, Protocol):
    """How pictures become noisy. `str` gives back the string that `parse_noise` reads."""

    def smallest(self, size: int) -> int:
        """The shorter side that a photo must have to make a (size, size) picture."""

    def clean(self, scenes: Scenes) -> Tensor:
        """What training on noisy pairs is to find: float32 (N, C, H, W).

        It is the mean of a pixel over the noisy pictures, which the squared error finds; of Bernoulli noise, over
        those where the pixel was measured. Text and impulses pull the mean away. There it is the value that a
        pixel has most often: also the median as long as less than half is text, which the absolute error finds,
        and in any case the mode, which the annealed L0 finds.
        """

    def noisy(self, scenes: Scenes, generator: torch.Generator) -> Tensor:
        """A noisy picture of each scene, independent of other draws: float32 (N, C, H, W), not clipped."""

    def pairs(self, scenes: Scenes, generator: torch.Generator) -> Pairs:
        """Two independent noisy pictures of each scene."""
