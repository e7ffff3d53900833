"""The noises of the paper's Table 1, and its figures.

Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data" (2018, arXiv 1803.04189).
"""

from dataclasses import dataclass

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """A noise of the paper: what is trained with, what is tested with, and how the paper writes it.

    `figures` has the paper's PSNR with clean targets, with noisy targets, and of its comparison, by the name of the
    test set.
    """

    title: str
    train: str
    test: str
    comparison: str
    figures: dict[str, tuple[float, float, float]]


KINDS = {
    "gaussian": Kind(
        "Gaussian, σ 25",
        "gaussian:0-50",
        "gaussian:25",
        "BM3D",
        {"Kodak": (32.50, 32.48, 31.82), "BSD300": (31.07, 31.06, 30.34), "Set14": (31.31, 31.28, 30.50)},
    ),
    "poisson": Kind(
        "Poisson, λ 30",
        "poisson:0-50",
        "poisson:30",
        "Anscombe",
        {"Kodak": (31.52, 31.50, 29.15), "BSD300": (30.18, 30.16, 27.56), "Set14": (30.07, 30.06, 28.36)},
    ),
    "bernoulli": Kind(
        "Bernoulli, p 0.5",
        "bernoulli:0-0.95",
        "bernoulli:0.5",
        "deep image prior",
        {"Kodak": (33.01, 33.17, 30.78), "BSD300": (31.04, 31.16, 28.97), "Set14": (31.51, 31.72, 30.67)},
    ),
}
