"""The figures of denoised pictures: of one picture, of a batch, and of a method over many pictures."""

import math
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import NamedTuple

from torch import Tensor

from n2n.errors import InputError
from n2n.evaluation.denoisers import Denoiser
from n2n.evaluation.examples import Example
from n2n.metrics import SSIM_WINDOW, paired_squared_errors, psnr, squared_errors, ssim

__all__ = ["Measurement", "Row", "compare", "measure", "outputs", "refuse_small", "summary"]


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

    `clean` says whether that is the clean picture; if not, errors are estimated from the two captures. Raises
    InputError for a picture that is too small.
    """
    refuse_small(example)
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


def refuse_small(example: Example) -> None:
    """Raises InputError for a picture that is too small to be measured."""
    height, width = example.noisy.shape[1:]
    if min(height, width) < SSIM_WINDOW:
        raise InputError(
            f"image {example.name} is {width}×{height}, and SSIM needs {SSIM_WINDOW} pixels on a side: "
            "measure larger images"
        )


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


def compare(images: Mapping[str, Tensor], clean: Tensor) -> list[Row]:
    """The figures of several versions of the same images."""
    return [Row(name, *psnr(out, clean), float(ssim(out, clean).mean())) for name, out in images.items()]


def outputs(denoisers: Mapping[str, Denoiser], noisy: Tensor) -> dict[str, Tensor]:
    """What each denoiser makes of the noisy images (N, C, H, W), by name, after the images themselves."""
    return {"noisy": noisy} | {name: denoise(noisy) for name, denoise in denoisers.items()}
