"""Evaluation: a network beside the noisy input and the baselines, on the same images."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from n2n.baselines import Baseline, baselines, tune
from n2n.denoise import Trained, denoise
from n2n.metrics import PairedEstimate, paired_psnr, psnr, ssim
from n2n.sources import Source

__all__ = ["Denoiser", "Row", "compare", "denoiser", "estimate", "tuned_baselines"]

Denoiser = Callable[[Tensor], Tensor]


class Row(NamedTuple):
    """One denoiser's figures: PSNR in dB, per image and overall, and SSIM."""

    name: str
    mean: float
    overall: float
    ssim: float


def compare(denoisers: Mapping[str, Denoiser], noisy: Tensor, clean: Tensor) -> tuple[list[Row], dict[str, Tensor]]:
    """The figures of the noisy images and of each denoiser's output, and those outputs, by name.

    `noisy` and `clean` are (N, C, H, W).
    """
    outputs = {"noisy": noisy} | {name: denoise(noisy) for name, denoise in denoisers.items()}
    rows = [Row(name, *psnr(out, clean), float(ssim(out, clean).mean())) for name, out in outputs.items()]
    return rows, outputs


def estimate(denoisers: Mapping[str, Denoiser], noisy: Tensor, other: Tensor) -> dict[str, PairedEstimate]:
    """What two noisy captures of each scene, (N, C, H, W) each, tell about the denoisers without clean images."""
    return {name: paired_psnr(denoise(noisy), noisy, other) for name, denoise in denoisers.items()}


def denoiser(trained: Trained) -> Denoiser:
    """A trained network as a function of a batch (N, C, H, W)."""
    return lambda images: torch.stack([denoise(trained, image) for image in images])


def tuned_baselines(source: Source, count: int = 50) -> Sequence[Baseline]:
    """The baselines, each at its best parameter on a source's own held-out images."""
    noisy, clean = source.validation(count, Generator().manual_seed(1))
    return [tune(baseline, noisy, clean) for baseline in baselines.values()]
