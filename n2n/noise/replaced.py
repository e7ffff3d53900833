"""Pixels that are lost: dropped, or shot through by impulses."""

from dataclasses import dataclass

import torch
from torch import Tensor

from n2n.noise.covering import Covering
from n2n.noise.model import Pairs
from n2n.noise.scenes import Scenes

__all__ = ["Bernoulli", "Impulse"]


@dataclass(frozen=True)
class Bernoulli(Covering):
    """Drops a pixel, all its channels at once, with probability `low` to `high`: it is then 0.

    What is kept is not made brighter. `pairs` gives the target's mask, with which the loss leaves out what was
    dropped, as the multiplicative Bernoulli noise of the Noise2Noise paper does; of the rest the clean picture is
    the mean.

    >>> noisy = Bernoulli(0.5, 0.5)(torch.ones(1, 3, 64, 64), torch.Generator().manual_seed(0))
    >>> sorted(set(noisy.flatten().tolist())), round(float(noisy.mean()), 1)
    ([0.0, 1.0], 0.5)
    """

    usage = "bernoulli:P or bernoulli:LOW-HIGH with the probability that a pixel is dropped, as in bernoulli:0.5"

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return images * ~_hidden(self, images, generator)

    def pairs(self, scenes: Scenes, generator: torch.Generator) -> Pairs:
        clean = scenes.mean()
        noisy = self(clean, generator)
        mask = (~_hidden(self, clean, generator)).to(clean.dtype)
        return Pairs(noisy, clean * mask, mask)


@dataclass(frozen=True)
class Impulse(Covering):
    """Gives a pixel a random colour, uniform in [0, 1] in each channel, with probability `low` to `high`.

    This is the random-valued impulse noise of the Noise2Noise paper. A pixel keeps its value or has lost all of
    it, so the clean picture is the mode of the noisy ones, neither their mean nor, in general, their median.

    >>> noisy = Impulse(0.7, 0.7)(torch.zeros(1, 3, 64, 64), torch.Generator().manual_seed(0))
    >>> round(float((noisy != 0).float().mean()), 1)
    0.7
    """

    usage = "impulse:P or impulse:LOW-HIGH with the probability that a pixel has a random colour, as in impulse:0.5"

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        hidden = _hidden(self, images, generator)
        colours = torch.rand(images.shape, generator=generator, dtype=images.dtype, device=generator.device)
        return torch.where(hidden, colours.to(images.device), images)


def _hidden(noise: Covering, images: Tensor, generator: torch.Generator) -> Tensor:
    """Which pixels are lost, each by chance: bool (N, 1, H, W), on the images' device."""
    shape = (len(images), 1, *images.shape[2:])
    chance = torch.rand(shape, generator=generator, dtype=images.dtype, device=generator.device)
    return chance.to(images.device) < noise.strengths(images, generator)
