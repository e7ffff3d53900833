"""What is known of a picture's noise, which network takes it away, and what the network is told.

The network for Gaussian noise takes Poisson noise away as well, once Anscombe's transformation has given it one
deviation.
"""

from math import isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from n2n.classical.anscombe import stabilized_deviation, stabilizing
from n2n.classical.noise_level import noise_deviation, photon_count
from n2n.denoising.denoise import Trained
from n2n.denoising.weights import bundled, names
from n2n.errors import InputError, unknown
from n2n.noise import noises

__all__ = ["TOLD", "KnownNoise", "Prepared", "bundled_for", "kinds", "parse_known_noise", "prepared"]

TOLD = ("gaussian", "poisson")  # kinds of noise whose strength a guided network is told


class KnownNoise(NamedTuple):
    """The kind of noise and its strength, None where that is not known.

    The strength of Gaussian noise is its deviation on the scale of 0 to 255, that of Poisson noise the mean count of
    photons at white.
    """

    kind: str
    strength: float | None = None


def kinds() -> list[str]:
    """The kinds of noise that the networks of the package take away.

    >>> {"gaussian", "poisson"} <= set(kinds())
    True
    """
    return sorted({*names(), *TOLD})


def parse_known_noise(text: str) -> KnownNoise:
    """Raises InputError for a kind that no network of the package takes away, or a strength that makes no sense.

    >>> parse_known_noise("gaussian"), parse_known_noise("Poisson: 30")
    (KnownNoise(kind='gaussian', strength=None), KnownNoise(kind='poisson', strength=30.0))
    """
    kind, colon, strength = (part.strip() for part in text.lower().partition(":"))
    if kind in set(noises) - set(kinds()):
        raise InputError(f"no network for {kind} noise comes with n2n ({', '.join(kinds())}): train one, for --run")
    if kind not in kinds():
        raise unknown("noise", kind, kinds())
    if not colon:
        return KnownNoise(kind)
    if kind not in TOLD:
        raise InputError(f"noise '{text}': the network for {kind} noise finds its strength itself; write {kind}")
    try:
        number = float(strength)
    except ValueError:
        number = -1
    if not isfinite(number) or number < 0 or (kind == "poisson" and number == 0):
        what = "its deviation on the scale of 0 to 255" if kind == "gaussian" else "the mean count of photons at white"
        raise InputError(f"noise '{text}': write {kind} alone, or with one number, {what}, as in {kind}:30")
    return KnownNoise(kind, number)


def bundled_for(kind: str, device: torch.device) -> Trained:
    """The network of the package for a kind of noise, to be `prepared` for each image."""
    return bundled("gaussian" if kind == "poisson" else kind, device)


class Prepared(NamedTuple):
    """A network and the `sigma` with which to call `denoise`, and the noise that it then takes away in words."""

    trained: Trained
    sigma: float | None
    words: str


def prepared(trained: Trained, noise: KnownNoise, image: Tensor) -> Prepared:
    """A network ready for an image (C, H, W) with noise of which this is known; the rest is estimated."""
    kind, strength = noise
    if not trained.guided:
        return Prepared(trained, None, "noise like that of its training")
    if kind not in TOLD:
        return Prepared(trained, None, f"{kind} noise")
    how = "estimated" if strength is None else "given"
    if kind == "poisson":
        peak = photon_count(image) if strength is None else strength
        stable = trained._replace(network=stabilizing(trained.network, peak))
        return Prepared(stable, stabilized_deviation(peak), f"Poisson noise of {peak:.3g} photons at white ({how})")
    sigma = float(noise_deviation(image[None])) if strength is None else strength / 255
    return Prepared(trained, sigma, f"Gaussian noise of σ {255 * sigma:.1f} on the scale of 0 to 255 ({how})")
