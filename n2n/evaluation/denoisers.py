"""What is compared: a network as a function of noisy images, as the baselines are."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from n2n.denoising.denoise import Trained, denoise
from n2n.denoising.known_noise import KnownNoise, bundled_for, kinds, prepared
from n2n.errors import InputError
from n2n.training.run import trained_network
from n2n.training.settings import Settings

__all__ = ["Contender", "Denoiser", "contender", "denoiser"]

Denoiser = Callable[[Tensor], Tensor]


class Contender(NamedTuple):
    """A network: what it is called, what it does, and the settings of its run, if it has one."""

    name: str
    denoiser: Denoiser
    settings: Settings | None


def contender(run: Path | None, noise: str | None, orientations: int, device: torch.device) -> Contender:
    """The network of a run, or without one that which comes with n2n for the kind of noise, Gaussian if None.

    Raises InputError where there is none.
    """
    turned = "" if orientations == 1 else f", {orientations} orientations"
    if run is not None:
        checkpoint = trained_network(run, device)
        function = denoiser(Trained.from_checkpoint(checkpoint), orientations)
        return Contender(checkpoint.settings.network + turned, function, checkpoint.settings)
    kind = "gaussian" if noise is None else noise.partition(":")[0].strip().lower()
    if kind not in kinds():
        raise InputError(f"no network for {kind} noise comes with n2n ({', '.join(kinds())}): give the folder of a run")
    function = denoiser(bundled_for(kind, device), orientations, kind)
    return Contender(f"bundled network for {kind} noise{turned}", function, None)


def denoiser(trained: Trained, orientations: int = 1, kind: str = "gaussian") -> Denoiser:
    """A trained network as a function of a batch (N, C, H, W), averaged over eight flips and rotations if 8.

    `kind` is that of the noise; its strength is estimated for each image where the network is told it.
    """

    def clean(image: Tensor) -> Tensor:
        ready = prepared(trained, KnownNoise(kind), image)
        return denoise(ready.trained, image, orientations, ready.sigma)

    return lambda images: torch.stack([clean(image) for image in images])
