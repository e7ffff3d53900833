"""Evaluation: a network beside the noisy input and the baselines, on the same images."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from n2n.baselines import Baseline, baselines, tune
from n2n.denoise import Trained, denoise
from n2n.metrics import paired_psnr, psnr, ssim
from n2n.sources import Source

__all__ = ["Denoiser", "Row", "compare", "denoiser", "estimate", "outputs", "tuned_baselines"]

Denoiser = Callable[[Tensor], Tensor]


class Row(NamedTuple):
    """One denoiser's figures: PSNR in dB, per image and overall, and SSIM."""

    name: str
    mean: float
    overall: float
    ssim: float


def outputs(denoisers: Mapping[str, Denoiser], noisy: Tensor) -> dict[str, Tensor]:
    """What each denoiser makes of the noisy images (N, C, H, W), by name, after the images themselves."""
    return {"noisy": noisy} | {name: denoise(noisy) for name, denoise in denoisers.items()}


def compare(images: Mapping[str, Tensor], clean: Tensor) -> list[Row]:
    """The figures of several versions of the same images."""
    return [Row(name, *psnr(out, clean), float(ssim(out, clean).mean())) for name, out in images.items()]


def estimate(images: Mapping[str, Tensor], other: Tensor) -> dict[str, float]:
    """The overall PSNR of several versions of `images["noisy"]`, in dB, from another noisy capture of each scene."""
    estimates = {name: paired_psnr(out, images["noisy"], other) for name, out in images.items()}
    return {name: each.noisy if name == "noisy" else each.denoised for name, each in estimates.items()}


def denoiser(trained: Trained) -> Denoiser:
    """A trained network as a function of a batch (N, C, H, W)."""
    return lambda images: torch.stack([denoise(trained, image) for image in images])


def tuned_baselines(source: Source, count: int = 50) -> Sequence[Baseline]:
    """The baselines, each at its best parameter on a source's own held-out images."""
    noisy, clean = source.validation(count, Generator().manual_seed(1))
    return [tune(baseline, noisy, clean) for baseline in baselines.values()]
