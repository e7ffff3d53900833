"""Noise models by the string that names them."""

import re

from n2n.errors import InputError, unknown
from n2n.noise.brown import Brown
from n2n.noise.gaussian import Gaussian
from n2n.noise.model import Noise
from n2n.noise.pixels import PixelNoise, span
from n2n.noise.poisson import Poisson
from n2n.noise.replaced import Bernoulli, Impulse
from n2n.noise.sampling import PointSample
from n2n.noise.text import Text

__all__ = ["noises", "parse_noise"]

MOST = 1e9  # of any strength

# A new model is a file beside this one and its name here.
noises: dict[str, type[PixelNoise] | type[PointSample]] = {
    "gaussian": Gaussian,
    "poisson": Poisson,
    "bernoulli": Bernoulli,
    "impulse": Impulse,
    "text": Text,
    "brown": Brown,
    "pointsample": PointSample,
}


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
    if high > MOST:
        raise InputError(f"noise '{text}': {high:g} is more than any picture can show, write {model.usage}")
    if low > high:
        raise InputError(f"noise '{text}': its range is the wrong way round, write {span(high, low)}")
    try:
        return model(low, high)
    except ValueError as error:
        raise InputError(f"noise '{text}': {error}") from None
