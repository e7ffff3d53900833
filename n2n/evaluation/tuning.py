"""Which pictures the baselines are tuned on: others than those measured, with the same noise where it is known.

The network has seen noisy pairs of its run's pictures; it is fair that the baselines are tuned on the like. So the
first choice are the pictures that the run held out. Where those cannot be read, or some of them are among the ones
to be measured, procedural pictures stand in.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import Generator, Tensor

from n2n.classical.baselines import Baseline, baselines, tune
from n2n.classical.noise_level import noise_deviation
from n2n.errors import InputError
from n2n.evaluation.sets import EvaluationSet
from n2n.noise import Noise, parse_noise
from n2n.sources import procedural
from n2n.training.own_pictures import brought_noise, own_files, same_files
from n2n.training.settings import Settings

__all__ = ["TuningPictures", "pictures_to_tune_on", "tuned_baselines", "tuning_pictures"]

LARGEST = 96  # pixels: what a baseline does best on larger pictures it does best on this much of them
PIXELS = 180_000  # in all: enough to tell the parameters apart, little enough to try them all in seconds


class TuningPictures(NamedTuple):
    """Noisy pictures, float32 (N, C, H, W), their clean versions or other noisy ones, and what they are in words."""

    noisy: Tensor
    second: Tensor
    description: str


def pictures_to_tune_on(evaluated: EvaluationSet, settings: Settings | None) -> TuningPictures:
    """Pictures like those that are evaluated, as the first few of them show: `tuning_pictures`."""
    few = [evaluated.examples[number].noisy for number in range(min(5, len(evaluated.examples)))]
    sigma = sum(float(noise_deviation(image[None])) for image in few) / len(few)
    size = min(min(image.shape[1:]) for image in few)
    return tuning_pictures(settings, evaluated.noise, size, evaluated.paths, sigma)


def tuned_baselines(noisy: Tensor, second: Tensor) -> list[Baseline]:
    """All the baselines, each at its best parameters on these images, as `tune` takes them."""
    return [tune(baseline, noisy, second) for baseline in baselines.values()]


def tuning_pictures(
    settings: Settings | None, noise: Noise | None, size: int, measured: Sequence[Path], sigma: float
) -> TuningPictures:
    """Pictures to tune baselines on that are not among those of the files `measured`.

    Args:
        settings: of the run that is evaluated; None for a network without one.
        noise: what clean pictures are given before they are measured; None where captures bring their own, which is
            then taken to be the run's.
        size: the shorter side of the smallest picture that is measured, in pixels.
        sigma: the estimated deviation of the noise, where white is 1, for procedural pictures where nothing else is
            known of it.
    """
    if settings is not None and _has_pictures(settings) and (noise is None or settings.photos is not None):
        if noise is not None:
            settings = replace(settings, noise=str(noise))
        if same_files(measured, own_files(settings)):
            reason = "some of the run's own pictures are measured"
        else:
            try:
                return _held_out(settings, size)
            except InputError as error:
                reason = f"the run's pictures cannot be read: {error}"
    else:
        reason = ""
    return _procedural(noise or _noise_of(settings, sigma), size, reason)


def _has_pictures(settings: Settings) -> bool:
    return settings.photos is not None or brought_noise(settings)


def _held_out(settings: Settings, size: int) -> TuningPictures:
    sizes = [min(size, LARGEST), settings.size]
    try:
        source = replace(settings, size=sizes[0]).source()
    except InputError:
        if sizes[0] == sizes[1]:
            raise
        source = replace(settings, size=sizes[1]).source()
    noisy, second = source.validation(_count(source.shape[-1]), Generator().manual_seed(1))
    kind = "pictures that the run held out" if source.has_clean else "noisy pairs that the run held out"
    return TuningPictures(noisy, second, f"{len(noisy)} crops of {kind}" if settings.tensors is None else kind)


def _procedural(noise: Noise, size: int, reason: str) -> TuningPictures:
    side = min(size, LARGEST)
    source = procedural(noise, side, count=20, side=max(256, noise.smallest(side)), held_out=1, seed=1)
    noisy, clean = source.validation(_count(side), Generator().manual_seed(1))
    because = f", as {reason}" if reason else ""
    return TuningPictures(noisy, clean, f"{len(noisy)} procedural pictures with noise {noise}{because}")


def _noise_of(settings: Settings | None, sigma: float) -> Noise:
    if settings is None or brought_noise(settings):
        return parse_noise(f"gaussian:{255 * sigma:.1f}")
    return parse_noise(settings.noise)


def _count(side: int) -> int:
    return max(10, min(50, PIXELS // side**2))
