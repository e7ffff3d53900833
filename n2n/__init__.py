"""Noise2Noise image denoising: networks trained from noisy pairs alone, on tape, nn and optim."""

from n2n.networks import network, networks
from n2n.training import training_step

__all__ = ["network", "networks", "training_step"]
