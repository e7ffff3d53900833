"""Denoising: a picture in tiles, what is known of its noise, and the networks that come with the package."""

from n2n.denoising.denoise import Trained, denoise
from n2n.denoising.known_noise import KnownNoise, parse_known_noise

__all__ = ["KnownNoise", "Trained", "denoise", "parse_known_noise"]
