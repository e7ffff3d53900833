"""How strong the noise of a picture is, told from the picture alone."""

import torch
from torch import Tensor

__all__ = ["noise_deviation", "photon_count"]

ENOUGH = 2**20  # coefficients of a channel: their median is then exact to a thousandth


def noise_deviation(images: Tensor) -> Tensor:
    """Estimates the deviation of white noise in each image, float (N, C, H, W): (N,), where white is 1.

    From the median size of the diagonal Haar wavelet coefficients, which edges hardly touch; the mean over
    channels. After Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage" (1994). Where noise was cut
    off at black or white it is not seen: coefficients of such pixels do not count. Of a large image some rows do.

    >>> noisy = 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> round(float(noise_deviation(noisy)), 2)
    0.1
    """
    if min(images.shape[2:]) < 2:
        return images.new_zeros(len(images))
    sizes = diagonal_details(images).abs().flatten(2)
    return sizes.nanmedian(dim=2).values.nan_to_num().mean(dim=1) / MEDIAN


def photon_count(image: Tensor) -> float:
    """Estimates the mean count of photons at white of a picture (C, H, W) with Poisson noise; at most a million.

    As `noise_deviation`, from details divided by the square root of the brightness around them.

    >>> scene = torch.linspace(0.2, 0.8, 256).expand(1, 256, 256)
    >>> counts = torch.poisson(scene * 100, generator=torch.Generator().manual_seed(0))
    >>> 90 < photon_count(counts / 100) < 110
    True
    """
    if min(image.shape[1:]) < 2:
        return MOST_PHOTONS
    above, below = neighbouring_rows(image[None])
    rows = (above + below) / 2
    brightness = (rows[..., :-1] + rows[..., 1:]) / 2
    sizes = diagonal_details(image[None]).abs() / brightness.sqrt()
    deviation = float(sizes.flatten().nanmedian().nan_to_num()) / MEDIAN
    return min(MOST_PHOTONS, deviation**-2) if deviation > 0 else MOST_PHOTONS


MOST_PHOTONS = 1e6
MEDIAN = 0.6745  # of the size of a standard normal number


def diagonal_details(images: Tensor) -> Tensor:
    """The diagonal Haar coefficients of images (N, C, H, W), which have the deviation of white noise.

    NaN where one of their four pixels is black or white. Of a large image, those of evenly spread rows.
    """
    above, below = neighbouring_rows(images)
    cut = ((above == 0) | (above == 1)) | ((below == 0) | (below == 1))
    difference = torch.where(cut, torch.nan, above - below)
    return (difference[..., :-1] - difference[..., 1:]) / 2


def neighbouring_rows(images: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of the images, and those below them; of a large image, evenly spread ones."""
    height, width = images.shape[2:]
    step = -(-(height - 1) * (width - 1) // ENOUGH)
    return images[..., :-1:step, :], images[..., 1::step, :]
