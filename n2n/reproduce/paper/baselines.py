"""What learns nothing, beside the trained U-Nets: for each noise methods that suit it, tuned on other pictures."""

import time
from collections.abc import Callable
from collections.abc import Generator as Yields
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from n2n.classical.anscombe import restored, stabilized
from n2n.classical.filters import cosine_transforms, gaussian_blur, nonlocal_means
from n2n.metrics import decibels, squared_errors
from n2n.noise import parse_noise
from n2n.reproduce.paper.data import noisy_picture, summary, test_sets, tuning_pictures
from n2n.reproduce.paper.kinds import KINDS

__all__ = ["Comparison", "PaperBaseline", "comparisons"]


@dataclass(frozen=True)
class Comparison:
    """A method: a function of images (N, C, H, W) and one parameter, and the parameters to try."""

    function: Callable[[Tensor, float], Tensor]
    grid: tuple[float, ...]


@dataclass(frozen=True)
class PaperBaseline:
    """A comparison at one noise, and the noisy pictures as they are."""

    kind: str
    name: str

    cost = 25_000.0  # of a picture, measured in a 32×32 pair of Net4 in a large batch

    @property
    def key(self) -> str:
        return f"baseline-{self.kind}-{self.name.replace(' ', '-')}"

    def size(self, folder: Path) -> int:
        """How many pictures it is tested on."""
        return sum(map(len, test_sets(folder).values()))

    def answered_by(self, record: dict[str, Any]) -> bool:
        return True

    def run(self, folder: Path, device: torch.device) -> Yields[int, None, dict[str, Any]]:
        """Tunes and tests, always on the CPU; yields 1 for each picture, and returns the record."""
        began = time.perf_counter()
        noise, comparison = parse_noise(KINDS[self.kind].test), comparisons[self.kind][self.name]
        others = [(noisy_picture(clean, i, noise), clean) for i, clean in enumerate(tuning_pictures(folder))]
        best = _tuned(comparison, others)
        noisy, denoised = {}, {}
        for name, pictures in test_sets(folder).items():
            before, after = [], []
            for number, clean in enumerate(pictures):
                picture = noisy_picture(clean, number, noise)[None]
                before.append(float(squared_errors(picture, clean[None])))
                after.append(float(squared_errors(comparison.function(picture, best), clean[None])))
                yield 1
            noisy[name], denoised[name] = summary(before), summary(after)
        return {
            "baseline": {"kind": self.kind, "name": self.name, "parameter": best},
            "seconds": round(time.perf_counter() - began, 3),
            "noisy": noisy,
            "sets": denoised,
        }


def of_counts(function: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, float], Tensor]:
    """A method for counts, 30 on average at white, by the transformation that gives all of them one deviation."""
    return lambda images, parameter: restored(function(stabilized(images, 30), parameter), 30)


def filled(images: Tensor, sigma: float) -> Tensor:
    """Fills pixels that are black in all channels with the Gaussian mean of the others, and keeps the others."""
    kept = (images != 0).any(1, keepdim=True).to(images.dtype)
    weight = gaussian_blur(kept, sigma)
    mean = gaussian_blur(images * kept, sigma) / weight.clamp(min=1e-6)
    return torch.where(kept.bool(), images, mean)


STRENGTHS, THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3), (2.1, 2.4, 2.7, 3.0, 3.4)

comparisons = {
    "gaussian": {
        "non-local means": Comparison(nonlocal_means, STRENGTHS),
        "sliding DCT": Comparison(cosine_transforms, THRESHOLDS),
    },
    "poisson": {
        "Anscombe and non-local means": Comparison(of_counts(nonlocal_means), STRENGTHS),
        "Anscombe and sliding DCT": Comparison(of_counts(cosine_transforms), THRESHOLDS),
    },
    "bernoulli": {
        "Gaussian mean of the pixels that are left": Comparison(filled, (0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.3))
    },
}


def _tuned(comparison: Comparison, pictures: list[tuple[Tensor, Tensor]]) -> float:
    """The parameter with the highest mean PSNR."""

    def quality(parameter: float) -> float:
        outputs = [(comparison.function(noisy[None], parameter), clean[None]) for noisy, clean in pictures]
        return sum(float(decibels(squared_errors(out, clean))) for out, clean in outputs)

    return max(comparison.grid, key=quality)
