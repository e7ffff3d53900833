"""Which pictures the baselines are tuned on: others than those measured, with the same noise where it is known.

The network has seen noisy pairs of its run's pictures; it is fair that the baselines are tuned on the like. So the
first choice are the pictures that the run held out. Where those cannot be read, or some of them are among the ones
to be measured, procedural pictures stand in.
"""

import filecmp
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import Generator, Tensor

from n2n.errors import InputError
from n2n.images import list_images
from n2n.noise import Noise, parse_noise
from n2n.settings import Settings
from n2n.sources import procedural

__all__ = ["TuningPictures", "brought_noise", "own_files", "same_files", "tuning_pictures"]

LARGEST = 96  # pixels: what a baseline does best on larger pictures it does best on this much of them
PIXELS = 180_000  # in all: enough to tell the parameters apart, little enough to try them all in seconds


class TuningPictures(NamedTuple):
    """Noisy pictures, float32 (N, C, H, W), their clean versions or other noisy ones, and what they are in words."""

    noisy: Tensor
    second: Tensor
    description: str


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


def brought_noise(settings: Settings) -> bool:
    """Whether a run's pictures came noisy, so that its setting `noise` says nothing."""
    return any(given is not None for given in (settings.captures, settings.bursts, settings.tensors))


def own_files(settings: Settings) -> list[Path]:
    """The files that a run trained on or validated with, as far as they are there."""
    folders = [settings.photos, *(settings.captures or ())]
    files = [Path(file) for file in (settings.tensors, settings.validation) if file is not None]
    if settings.bursts is not None and Path(settings.bursts).is_dir():
        files += [path for path in Path(settings.bursts).glob("*/*") if path.is_file()]
    return files + [path for folder in folders if folder and Path(folder).is_dir() for path in list_images(folder)]


def same_files(some: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    """Those of `some` that are among the others, or have the same bytes as one of them."""
    by_size: dict[int, list[Path]] = {}
    for path in others:
        if path.is_file():
            by_size.setdefault(path.stat().st_size, []).append(path)
    return [
        path
        for path in some
        if any(filecmp.cmp(path, other, shallow=False) for other in by_size.get(path.stat().st_size, ()))
    ]


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
