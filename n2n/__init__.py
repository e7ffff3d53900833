"""Noise2Noise image denoising: networks trained from noisy pairs alone, on tape, nn and optim.

`networks` has the constructor of each network by its name, each a function of the number of channels:

>>> import torch
>>> "unet" in networks, networks["net4"](1).init(torch.Generator().manual_seed(0), (1, 32, 32))[1]
(True, (1, 32, 32))
"""

from n2n.networks import network, networks
from n2n.training.losses import Loss, hdr_loss, l0_loss, losses, masked
from n2n.training.step import training_step

__all__ = ["Loss", "hdr_loss", "l0_loss", "losses", "masked", "network", "networks", "training_step"]
