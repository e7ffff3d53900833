"""The pictures that a run trained on or validated with."""

import filecmp
from collections.abc import Sequence
from pathlib import Path

from n2n.images import list_images
from n2n.training.settings import Settings

__all__ = ["brought_noise", "own_files", "same_files"]


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
