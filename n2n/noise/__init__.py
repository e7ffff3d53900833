"""Noise models, each written as one string: `gaussian:25`, `poisson:0-50`, `pointsample`.

A model works on `Scenes`, a batch of windows into pictures: it says how wide such a window is, what its
clean picture is, and draws as many independent noisy ones as are asked for. Noise of pixels takes windows at
the picture's own resolution; point sampling makes a small picture out of a larger window. Nothing is ever
clipped: that would break the zero mean on which Noise2Noise rests.
"""

from n2n.noise.brown import Brown
from n2n.noise.gaussian import Gaussian
from n2n.noise.model import Noise, Pairs
from n2n.noise.pixels import PixelNoise
from n2n.noise.poisson import Poisson
from n2n.noise.replaced import Bernoulli, Impulse
from n2n.noise.sampling import PointSample
from n2n.noise.strings import noises, parse_noise
from n2n.noise.text import Text

__all__ = [
    "Bernoulli",
    "Brown",
    "Gaussian",
    "Impulse",
    "Noise",
    "Pairs",
    "PixelNoise",
    "PointSample",
    "Poisson",
    "Text",
    "noises",
    "parse_noise",
]
