"""How near a picture is to the one that it should be: PSNR in its two definitions, SSIM, and estimates of PSNR from
noisy pairs alone.

White is 1 throughout. What is measured is clamped to [0, 1] first, as it would be when it is shown or saved; the
reference is taken as it is.
"""

from typing import NamedTuple

import torch
from skimage.metrics import structural_similarity
from torch import Tensor

SSIM_WINDOW = 11  # pixels on a side, and so the least that an image has


class Psnr(NamedTuple):
    """PSNR in dB over a set of images, in both of the definitions that are in use.

    `mean` is the mean over images of each image's PSNR; `overall` is the PSNR of the mean squared error over all
    images, which a few bad images lower more. The first is never the lower one.
    """

    mean: float
    overall: float


def psnr(images: Tensor, reference: Tensor) -> Psnr:
    """PSNR of a batch, float (N, C, H, W), against the images that it should be; equal images have infinity.

    >>> black, grey = torch.zeros(2, 1, 8, 8), torch.full((2, 1, 8, 8), 0.1)
    >>> round(psnr(grey, black).mean, 3)
    20.0
    """
    errors = squared_errors(images, reference).double()
    return Psnr(float(decibels(errors).mean()), float(decibels(errors.mean())))


def squared_errors(images: Tensor, reference: Tensor) -> Tensor:
    """The mean squared error of each image, (N,): what PSNR is made of, also for images of several sizes."""
    _same_shape(images, reference)
    return (images.clamp(0, 1) - reference).square().mean(dim=(1, 2, 3))


def decibels(squared_error: Tensor) -> Tensor:
    """The PSNR of mean squared errors, elementwise, for a white of 1."""
    return -10 * squared_error.log10()


def ssim(images: Tensor, reference: Tensor) -> Tensor:
    """Structural similarity of each image of a batch, float (N, C, H, W): float64 (N,), at most 1.

    With the settings of Wang et al., "Image quality assessment: from error visibility to structural similarity"
    (2004): a Gaussian window of deviation 1.5 and 11 pixels, population covariances; the mean over channels.
    Raises `ValueError` for images of less than 11 pixels on a side.
    """
    _same_shape(images, reference)
    if min(images.shape[2:]) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs {SSIM_WINDOW} pixels on a side, and the images are {tuple(images.shape[2:])}")
    pairs = zip(images.clamp(0, 1).double().cpu().numpy(), reference.double().cpu().numpy(), strict=True)
    return torch.tensor(
        [
            structural_similarity(
                one,
                other,
                channel_axis=0,
                data_range=1.0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
            for one, other in pairs
        ],
        dtype=torch.float64,
    )


class PairedEstimate(NamedTuple):
    """What noisy pairs tell of a denoiser without any clean image.

    `noisy` and `denoised` estimate the overall PSNR of the input and of the output, in dB, and `sigma` the
    noise's deviation, where white is 1. An output whose error is below what the pairs can resolve has NaN.
    """

    noisy: float
    denoised: float
    sigma: float


def paired_psnr(denoised: Tensor, noisy: Tensor, other: Tensor) -> PairedEstimate:
    """Estimates PSNR from two noisy captures of each scene, float (N, C, H, W): `denoised` is made of `noisy`.

    With independent noise of zero mean and equal variance σ² in both, E|noisy - other|² is 2σ² and
    E|denoised - other|² is the error plus σ². Noise that was cut off at black or white biases it.
    """
    variance = _noise_variances(noisy, other).mean()
    error = paired_squared_errors(denoised, noisy, other).mean()
    return PairedEstimate(float(decibels(variance)), float(decibels(error)), float(variance.sqrt()))


def paired_squared_errors(denoised: Tensor, noisy: Tensor, other: Tensor) -> Tensor:
    """Estimates `squared_errors` of each image from two noisy captures: float64 (N,).

    Its mean over all images is more certain than each. An error smaller than the pair can resolve may come out
    below zero.
    """
    _same_shape(denoised, other)
    distances = (denoised.clamp(0, 1) - other).double().square().mean(dim=(1, 2, 3))
    return distances - _noise_variances(noisy, other)


def _noise_variances(noisy: Tensor, other: Tensor) -> Tensor:
    _same_shape(noisy, other)
    return (noisy - other).double().square().mean(dim=(1, 2, 3)) / 2


def _same_shape(images: Tensor, reference: Tensor) -> None:
    if images.shape != reference.shape or images.ndim != 4:
        raise ValueError(
            f"two batches of one shape (N, C, H, W), not {tuple(images.shape)} and {tuple(reference.shape)}"
        )
