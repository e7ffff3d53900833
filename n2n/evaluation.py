"""Evaluation: a network beside the noisy input and the baselines, on the same images.

Pictures of any sizes are measured one at a time, and only figures are kept: a folder of large photographs needs the
memory of one. Whatever is drawn of an example depends on its number alone, so that it can be looked at again.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from n2n.anscombe import stabilized_deviation, stabilizing
from n2n.baselines import Baseline, baselines, tune
from n2n.denoise import Trained, denoise
from n2n.images import read_image
from n2n.metrics import paired_squared_errors, psnr, squared_errors, ssim
from n2n.noise import Noise
from n2n.noise_level import photon_count
from n2n.scenes import Scenes
from n2n.sources import Source
from n2n.tensor_files import TensorPairs

__all__ = [
    "Denoiser",
    "Example",
    "Examples",
    "Measurement",
    "Row",
    "best_median_worst",
    "compare",
    "denoiser",
    "examples",
    "measure",
    "outputs",
    "poisson_denoiser",
    "summary",
    "tensor_images",
    "tuned_baselines",
    "whole_captures",
    "whole_photos",
]

Denoiser = Callable[[Tensor], Tensor]


# What is measured -------------------------------------------------------------------------------------------


class Example(NamedTuple):
    """A noisy picture and its clean version, or another noisy capture of it: (C, H, W) each."""

    name: str
    noisy: Tensor
    second: Tensor


def examples(noisy: Tensor, second: Tensor) -> list[Example]:
    """Those of two batches (N, C, H, W), named by their numbers."""
    return [Example(str(number), *pair) for number, pair in enumerate(zip(noisy, second, strict=True))]


@dataclass(frozen=True)
class Examples(Sequence[Example]):
    """As many examples as `length`, each made by its number when it is asked for."""

    length: int
    make: Callable[[int], Example]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Example:  # type: ignore[override]  # no slices
        if not 0 <= number < self.length:
            raise IndexError(number)
        return self.make(number)


def whole_photos(paths: Sequence[Path], noise: Noise, seed: int) -> Examples:
    """Clean photographs, each at its own size, with noise that its number and the seed decide."""

    def make(number: int) -> Example:
        scenes = Scenes.whole(read_image(paths[number]).pixels[None], noise)
        noisy = noise.noisy(scenes, Generator().manual_seed(seed * 1_000_003 + number))
        return Example(paths[number].name, noisy[0], noise.clean(scenes)[0])

    return Examples(len(paths), make)


def whole_captures(names: Sequence[str], pairs: Sequence[tuple[Path, Path]]) -> Examples:
    """Two noisy captures of each scene, at their own size."""

    def make(number: int) -> Example:
        noisy, second = (read_image(path).pixels for path in pairs[number])
        channels = max(noisy.shape[0], second.shape[0])
        return Example(names[number], noisy.expand(channels, -1, -1), second.expand(channels, -1, -1))

    return Examples(len(pairs), make)


def tensor_images(pairs: TensorPairs) -> Examples:
    """The images of a tensor file, named by their numbers."""

    def make(number: int) -> Example:
        noisy, second = pairs.images(torch.tensor([number]))
        return Example(str(number), noisy[0], second[0])

    return Examples(len(pairs), make)


# Measuring --------------------------------------------------------------------------------------------------


class Measurement(NamedTuple):
    """How near one denoiser came with one picture.

    Without clean pictures `squared_error` is an estimate, below zero where the error is less than the pair can
    resolve, and `ssim` is None.
    """

    picture: str
    method: str
    squared_error: float
    ssim: float | None

    @property
    def psnr(self) -> float:
        """In dB; NaN where the pair cannot resolve it."""
        if self.squared_error > 0:
            return -10 * math.log10(self.squared_error)
        return math.inf if self.squared_error == 0 else math.nan


def measure(denoisers: Mapping[str, Denoiser], example: Example, clean: bool) -> list[Measurement]:
    """The figures of the noisy picture and of what each denoiser makes of it, against `example.second`.

    `clean` says whether that is the clean picture; if not, errors are estimated from the two captures.
    """
    noisy, second = example.noisy[None], example.second[None]
    if clean:
        return [
            Measurement(example.name, method, float(squared_errors(image, second)), float(ssim(image, second)))
            for method, image in outputs(denoisers, noisy).items()
        ]
    return [
        Measurement(example.name, method, float(paired_squared_errors(image, noisy, second)), None)
        for method, image in outputs(denoisers, noisy).items()
    ]


class Row(NamedTuple):
    """One denoiser's figures: PSNR in dB, per image and overall, and SSIM."""

    name: str
    mean: float
    overall: float
    ssim: float


def summary(measurements: Iterable[Measurement]) -> list[Row]:
    """A row for each method, in the order in which they come; SSIM is NaN where there are no clean pictures."""
    by_method: dict[str, list[Measurement]] = {}
    for each in measurements:
        by_method.setdefault(each.method, []).append(each)
    return [
        Row(
            name=method,
            mean=fmean(each.psnr for each in group),
            overall=Measurement("all", method, fmean(each.squared_error for each in group), None).psnr,
            ssim=fmean(math.nan if each.ssim is None else each.ssim for each in group),
        )
        for method, group in by_method.items()
    ]


def best_median_worst(measurements: Iterable[Measurement], method: str) -> dict[str, int]:
    """The numbers of the pictures with which a method came nearest, in the middle, and least near, by PSNR.

    Of two in the middle it is the worse one; a picture whose error cannot be resolved counts as the best.

    >>> errors = enumerate([0.04, 0.01, 0.03, 0.02])
    >>> best_median_worst([Measurement(str(n), "net4", error, None) for n, error in errors], "net4")
    {'best': 1, 'median': 2, 'worst': 0}
    """
    errors = [each.squared_error for each in measurements if each.method == method]
    order = sorted(range(len(errors)), key=errors.__getitem__)
    return {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}


# Batches ----------------------------------------------------------------------------------------------------


def outputs(denoisers: Mapping[str, Denoiser], noisy: Tensor) -> dict[str, Tensor]:
    """What each denoiser makes of the noisy images (N, C, H, W), by name, after the images themselves."""
    return {"noisy": noisy} | {name: denoise(noisy) for name, denoise in denoisers.items()}


def compare(images: Mapping[str, Tensor], clean: Tensor) -> list[Row]:
    """The figures of several versions of the same images."""
    return [Row(name, *psnr(out, clean), float(ssim(out, clean).mean())) for name, out in images.items()]


def denoiser(trained: Trained, orientations: int = 1) -> Denoiser:
    """A trained network as a function of a batch (N, C, H, W), averaged over eight flips and rotations if 8."""
    return lambda images: torch.stack([denoise(trained, image, orientations) for image in images])


def poisson_denoiser(trained: Trained, orientations: int = 1) -> Denoiser:
    """A guided network for Gaussian noise as a function of images with Poisson noise, whose strength it estimates."""

    def clean(image: Tensor) -> Tensor:
        peak = photon_count(image)
        stable = trained._replace(network=stabilizing(trained.network, peak))
        return denoise(stable, image, orientations, stabilized_deviation(peak))

    return lambda images: torch.stack([clean(image) for image in images])


def tuned_baselines(source: Source, count: int = 50) -> Sequence[Baseline]:
    """The baselines, each at its best parameter on a source's own held-out images."""
    noisy, second = source.validation(count, Generator().manual_seed(1))
    return [tune(baseline, noisy, second) for baseline in baselines.values()]
