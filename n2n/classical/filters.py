"""Filters that take noise away: pure functions of a batch of images, float (N, C, H, W) in about [0, 1].

Those that take a strength take it in deviations of the noise, which is estimated for each image: strengths that
were found at one noise level hold at others too.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import gaussian, median
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet
from torch import Tensor

from n2n.classical.noise_level import noise_deviation
from n2n.classical.sliding_dct import sliding_dct

__all__ = ["cosine_transforms", "gaussian_blur", "median_filter", "nonlocal_means", "total_variation", "wavelet"]

Array = NDArray[np.float64]


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Blurs with a Gaussian of `sigma` pixels, mirrored at the borders."""
    blurred: Array = gaussian(_array(images), sigma=(0, 0, sigma, sigma), mode="reflect", preserve_range=True)
    return _tensor(blurred, images)


def median_filter(images: Tensor, side: float) -> Tensor:
    """The median over a square of `side` pixels in each channel, mirrored at the borders.

    2 stands for the plus sign of five pixels, the smallest neighbourhood; 1 changes nothing.
    """
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
    window = plus if side == 2 else np.ones((int(side), int(side)), dtype=bool)
    middle: Array = median(_array(images), footprint=window[None, None], mode="reflect")
    return _tensor(middle, images)


def nonlocal_means(images: Tensor, strength: float, patch: float = 5, reach: float = 6) -> Tensor:
    """Averages pixels whose surroundings look alike, after Buades, Coll and Morel (2005).

    Compares patches of `patch` × `patch` pixels, at most `reach` apart; `strength` is how much they may differ, in
    deviations of the noise, which `noise_deviation` estimates for each image.
    """
    colour = images.shape[1] > 1
    planes = _array(images) if colour else _array(images)[:, 0]  # an axis for one channel would come back last
    denoised = [
        denoise_nl_means(
            image,
            h=strength * sigma,
            sigma=sigma,
            patch_size=int(patch),
            patch_distance=int(reach),
            fast_mode=True,
            channel_axis=0 if colour else None,
        )
        if sigma > 0  # else there is nothing to remove
        else image
        for image, sigma in zip(planes, noise_deviation(images).tolist(), strict=True)
    ]
    return _tensor(np.stack(denoised), images).view(images.shape)


def wavelet(images: Tensor, strength: float, method: str) -> Tensor:
    """Shrinks the coefficients of Haar wavelets, averaged over four shifts so that no blocks show.

    `method` chooses the threshold: "BayesShrink", for each band by its own deviation (Chang, Yu and Vetterli, 2000), or
    "VisuShrink", one for all (Donoho and Johnstone, 1994). Colours are denoised as brightness and two differences.
    """

    def shrink(plane: Array, sigma: float) -> Array:
        total = np.zeros_like(plane)
        for shift in ((0, 0), (0, 1), (1, 0), (1, 1)):
            shifted = np.roll(plane, shift, axis=(0, 1))
            shrunk = denoise_wavelet(shifted, sigma=strength * sigma, wavelet="haar", mode="soft", method=method)
            total += np.roll(shrunk, (-shift[0], -shift[1]), axis=(0, 1))
        return total / 4

    return _by_plane(shrink, images)


def total_variation(images: Tensor, strength: float) -> Tensor:
    """The nearest image of small total variation, after Chambolle (2004): flat areas with sharp edges.

    `strength` weighs the total variation against the distance. Colours are denoised as brightness and two differences.
    """
    return _by_plane(lambda plane, sigma: np.asarray(denoise_tv_chambolle(plane, weight=strength * sigma)), images)


def cosine_transforms(images: Tensor, threshold: float) -> Tensor:
    """`sliding_dct`, with a threshold in deviations of the noise, which is estimated for each image."""
    return sliding_dct(images, noise_deviation(images), threshold)


# Brightness, and two differences of colours: orthonormal, so that white noise stays white.
_OPPONENT = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
_OPPONENT /= _OPPONENT.norm(dim=1, keepdim=True)


def _by_plane(denoise: Callable[[Array, float], Array], images: Tensor) -> Tensor:
    """Denoises each plane (H, W) of each image by itself, given the deviation of its noise."""
    colour = images.shape[1] == 3
    planes = torch.einsum("ij,njhw->nihw", _OPPONENT.to(images), images) if colour else images
    flat = planes.flatten(0, 1)
    sigmas = noise_deviation(flat[:, None]).tolist()
    cleaned = [
        denoise(plane, sigma) if sigma > 0 else plane  # else there is nothing to remove
        for plane, sigma in zip(_array(flat), sigmas, strict=True)
    ]
    denoised = _tensor(np.stack(cleaned), images).view(images.shape)
    return torch.einsum("ij,nihw->njhw", _OPPONENT.to(images), denoised) if colour else denoised


def _array(images: Tensor) -> Array:
    return images.detach().cpu().numpy().astype(np.float64)


def _tensor(array: Array, like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(like)
