"""Denoisers that learn nothing, to compare with: Gaussian blur, median filter, non-local means.

Each is a pure function of a batch of images and its parameters, and stands in `baselines` with the values that are
worth trying. `tune` finds the best ones on images for which the clean ones are known: other images than those
that are measured afterwards, but with the same noise, so that a baseline is as good as it can honestly be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import gaussian, median
from skimage.restoration import denoise_nl_means
from torch import Tensor

from n2n.metrics import psnr

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """A denoiser with its parameters set: call it with images, float (N, C, H, W) in about [0, 1].

    `grid` has the parameters that `tune` tries; `unit` puts them into words.
    """

    name: str
    function: Callable[..., Tensor]
    parameters: tuple[float, ...]
    grid: Sequence[tuple[float, ...]]
    unit: str

    def __call__(self, images: Tensor) -> Tensor:
        return self.function(images, *self.parameters)

    def __str__(self) -> str:
        return f"{self.name} ({self.unit.format(*self.parameters)})"


def tune(baseline: Baseline, noisy: Tensor, clean: Tensor) -> Baseline:
    """The baseline with the parameters of its grid that have the highest mean PSNR on these images.

    They are float (N, C, H, W) and must be others than those that it is to be measured on.
    """
    results = {values: psnr(baseline.function(noisy, *values), clean).mean for values in baseline.grid}
    return replace(baseline, parameters=max(results, key=results.__getitem__))


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


baselines: dict[str, Baseline] = {
    baseline.name: baseline
    for baseline in (
        Baseline(
            name="Gaussian blur",
            function=gaussian_blur,
            parameters=(0.7,),
            grid=[(s,) for s in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)],
            unit="σ {:g} pixels",
        ),
        Baseline(
            name="median filter",
            function=median_filter,
            parameters=(3,),
            grid=[(s,) for s in (1, 2, 3, 5, 7)],
            unit="side {:g} pixels",
        ),
        Baseline(
            name="non-local means",
            function=nonlocal_means,
            parameters=(0.6, 5, 6),
            grid=[
                (h, patch, reach)
                for patch, reach in ((5, 6), (3, 3))
                for h in (0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.2, 4.0)
            ],
            unit="h {:g} of the noise, patches of {:g} within {:g} pixels",
        ),
    )
}


def noise_deviation(images: Tensor) -> Tensor:
    """Estimates the deviation of white noise in each image, float (N, C, H, W): (N,), where white is 1.

    From the median size of the diagonal Haar wavelet coefficients, which edges hardly touch; the mean over
    channels. After Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage" (1994).

    >>> noisy = 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> round(float(noise_deviation(noisy)), 2)
    0.1
    """
    above, below = images[..., :-1, :], images[..., 1:, :]
    diagonal = (above[..., :-1] - above[..., 1:] - below[..., :-1] + below[..., 1:]) / 2
    return diagonal.abs().flatten(2).median(dim=2).values.mean(dim=1) / 0.6745


def _array(images: Tensor) -> Array:
    return images.detach().cpu().numpy().astype(np.float64)


def _tensor(array: Array, like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(like)
