"""Denoisers that learn nothing, to compare with: each a filter with the values of its parameters that are worth trying.

`tune` finds the best ones on other images than those that are measured afterwards, but with the same noise, so that a
baseline is as good as it can honestly be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from n2n.classical.filters import (
    cosine_transforms,
    gaussian_blur,
    median_filter,
    nonlocal_means,
    total_variation,
    wavelet,
)
from n2n.metrics import psnr

__all__ = ["Baseline", "baselines", "tune"]


@dataclass(frozen=True)
class Baseline:
    """A denoiser with its parameters set: call it with images, float (N, C, H, W) in about [0, 1].

    `grid` has the parameters that `tune` tries; `unit` puts them into words.
    """

    name: str
    function: Callable[..., Tensor]
    parameters: tuple[float | str, ...]
    grid: Sequence[tuple[float | str, ...]]
    unit: str

    def __call__(self, images: Tensor) -> Tensor:
        return self.function(images, *self.parameters)

    @property
    def setting(self) -> str:
        """The parameters in words."""
        return self.unit.format(*self.parameters)

    def __str__(self) -> str:
        return f"{self.name} ({self.setting})"


def tune(baseline: Baseline, noisy: Tensor, second: Tensor) -> Baseline:
    """The baseline with the parameters of its grid that have the highest mean PSNR on these images.

    They are float (N, C, H, W) and must be others than those that it is to be measured on. `second` are the clean
    images, or other noisy captures: their noise, independent of that in `noisy`, adds to the errors of all
    parameters alike, so that the best are the best again (Lehtinen et al., "Noise2Noise", 2018).
    """
    results = {values: psnr(baseline.function(noisy, *values), second).mean for values in baseline.grid}
    return replace(baseline, parameters=max(results, key=results.__getitem__))


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
                for patch, reach in ((3, 3), (3, 6), (5, 6))
                for h in (0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.2, 4.0)
            ],
            unit="h {:g} of the noise, patch {:g}, reach {:g}",
        ),
        Baseline(
            name="wavelet",
            function=wavelet,
            parameters=(1.0, "BayesShrink"),
            grid=[
                *((strength, "BayesShrink") for strength in (0.8, 0.9, 1.0, 1.1, 1.3, 1.6, 2.0)),
                *((strength, "VisuShrink") for strength in (0.2, 0.3, 0.4, 0.6, 0.8)),
            ],
            unit="{1}, {0:g} of the noise",
        ),
        Baseline(
            name="total variation",
            function=total_variation,
            parameters=(0.6,),
            grid=[(strength,) for strength in (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0)],
            unit="weight {:g} of the noise",
        ),
        Baseline(
            name="sliding DCT",
            function=cosine_transforms,
            parameters=(2.7,),
            grid=[(threshold,) for threshold in (1.5, 1.8, 2.1, 2.4, 2.7, 3.0, 3.4, 4.0, 5.0)],
            unit="threshold {:g} of the noise",
        ),
    )
}
