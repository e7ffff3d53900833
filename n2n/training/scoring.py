"""How well a network does on held-out images."""

from typing import NamedTuple

import torch
from torch import Tensor

import tape
from n2n.metrics import paired_psnr, psnr
from n2n.networks.compiled import compiled
from nn import Layer, Params

__all__ = ["Score", "denoised", "score", "validated"]


class Score(NamedTuple):
    """How well a network does on held-out images: PSNR in dB, per image and overall.

    Without clean images (`clean` is false) it is estimated from noisy pairs, and there is no figure per image.
    """

    mean: float | None
    overall: float
    clean: bool

    @property
    def psnr(self) -> float:
        """The figure that runs are compared by: per image where that is known."""
        return self.overall if self.mean is None else self.mean


def validated(clean: bool) -> str:
    """In words, how a score was taken.

    >>> validated(clean=False)
    'estimated from noisy pairs'
    """
    return "against clean images" if clean else "estimated from noisy pairs"


def score(network: Layer, params: Params, noisy: Tensor, second: Tensor, clean: bool) -> Score:
    """The score of a network on noisy images and their clean or second noisy ones."""
    out = denoised(network, params, noisy)
    if clean:
        return Score(*psnr(out, second), clean=True)
    return Score(None, paired_psnr(out, noisy, second).denoised, clean=False)


def denoised(network: Layer, params: Params, images: Tensor, batch: int = 100) -> Tensor:
    """The network's output on images (N, C, H, W), on the CPU, not clamped."""
    device = tape.tree.leaves(params)[0].device
    with compiled(network, *images.shape[1:]) as apply:
        return torch.cat([apply(params, part.to(device)).cpu() for part in images.split(batch)])
