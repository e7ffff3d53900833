"""Poisson noise, whose deviation grows with the brightness, made noise of one deviation, and back.

Anscombe, "The transformation of Poisson, binomial and negative-binomial data" (1948); the way back, which is unbiased,
is that of Mäkitalo and Foi, "A closed-form approximation of the exact unbiased inverse of the Anscombe variance-
stabilizing transformation" (2011).
"""

from math import sqrt

import torch
from torch import Tensor

from nn import Layer, Params

__all__ = ["restored", "stabilized", "stabilized_deviation", "stabilizing"]


def stabilizing(layer: Layer, peak: float) -> Layer:
    """The guided layer, made for noise of one deviation, for images with Poisson noise of `peak` photons at white.

    The images (N, C + 1, H, W) have as last channel the deviation after `stabilized`, `stabilized_deviation(peak)`.
    """

    def apply(params: Params, x: Tensor) -> Tensor:
        image, level = x[:, :-1], x[:, -1:]
        return restored(layer.apply(params, torch.cat([stabilized(image, peak), level], 1)), peak)

    return Layer(layer.init, apply)


def stabilized(images: Tensor, peak: float) -> Tensor:
    """Images in [0, 1] for a mean count of `peak` photons at white: again about [0, 1], of one deviation.

    >>> stabilized(torch.tensor([1.0]), 30)
    tensor([1.])
    """
    return ((images.clamp(min=0) * peak + 3 / 8) / (peak + 3 / 8)).sqrt()


def restored(images: Tensor, peak: float) -> Tensor:
    """The mean of the images that `stabilized` brought to the mean `images`.

    >>> round(float(restored(stabilized(torch.tensor([0.25]), 1000), 1000)), 3)
    0.25
    """
    root = (images * (2 * sqrt(peak + 3 / 8))).clamp(min=2 * sqrt(3 / 8))
    inverse = 1 / root
    series = inverse * (sqrt(3 / 2) / 4 + inverse * (-11 / 8 + inverse * (5 / 8 * sqrt(3 / 2))))
    return (root.square() / 4 + series - 1 / 8) / peak


def stabilized_deviation(peak: float) -> float:
    """Of Poisson noise after `stabilized`, whatever the brightness."""
    return 1 / (2 * sqrt(peak + 3 / 8))
