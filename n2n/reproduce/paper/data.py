"""Crops to train on and whole pictures to test on, as files that cells in several processes share."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from n2n.errors import InputError
from n2n.images import list_images, read_image
from n2n.images.files import write_whole
from n2n.metrics import decibels
from n2n.noise import Gaussian, Noise
from n2n.noise.scenes import Scenes, unit
from n2n.reproduce.data import write_mapped
from n2n.reproduce.preparing import Track, described
from n2n.sources import photos, procedural

__all__ = ["PaperOrigin", "noisy_picture", "prepare_paper", "summary", "test_sets", "tuning_pictures"]

CROPS = 16_384  # at most: more are not seen twice in any training of minutes
TUNING = 6  # held-out crops, of 128 pixels where the photographs are as large


@dataclass(frozen=True)
class PaperOrigin:
    """What the U-Net is trained on, for how long, and the folders of clean pictures it is tested on, by name.

    Without photographs both are procedural images. `scale` is a fraction of the steps and of each folder's pictures.
    """

    photos: Path | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)
    crop: int = 64
    steps: int = 1500
    scale: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.crop < 32:
            raise InputError(f"crop is {self.crop}; the U-Net's deepest layer needs crops of at least 32 pixels")
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; at least 1 is needed")
        if not 0 < self.scale <= 1:
            raise InputError(f"scale is {self.scale:g}; it is a fraction, above 0 and at most 1")

    def described(self) -> dict[str, Any]:
        """What decides the results, with names in place of paths, so that a folder may be moved."""
        photos = None if self.photos is None else described(self.photos)
        folders = {name: described(path) for name, path in self.folders.items()}
        rest = {"crop": self.crop, "steps": self.steps, "scale": self.scale, "seed": self.seed}
        return {"photos": photos, "folders": folders} | rest


def prepare_paper(folder: Path, origin: PaperOrigin, tick: Callable[[int], None], track: Track = iter) -> None:
    """Writes the crops and the test pictures that are not yet in `folder`; told as `preparing.prepare` is."""
    place = folder / "data"
    if (place / "crops.npy").exists():
        return
    (place / "pictures").mkdir(parents=True, exist_ok=True)
    for name, path in origin.folders.items():
        _write_pictures(place / "pictures" / f"{name}.npz", _read(path, origin.scale))
    none = Gaussian(0, 0)
    if origin.photos is not None:
        source = photos(origin.photos, none, origin.crop, track=track)
    else:
        source = procedural(none, origin.crop, seed=origin.seed)
    generator = Generator().manual_seed(origin.seed)
    side = min(128, int(torch.minimum(source.held_out.heights, source.held_out.widths).min()))
    held_out = source.held_out.scenes(TUNING, side, none, generator).mean()
    _write_pictures(place / "tuning.npz", list(_coloured(held_out)))
    if not origin.folders:
        whole = [source.held_out.picture(number) for number in range(min(3, len(source.held_out)))]
        _write_pictures(place / "pictures" / "held-out.npz", [_coloured(picture) for picture in whole])

    def make(count: int) -> Tensor:
        return _coloured(source.training.scenes(count, origin.crop, none, generator, flips=True).mean())

    write_mapped(place / "crops.npy", make, min(CROPS, crops_needed(origin)), torch.uint8, tick)


def crops_needed(origin: PaperOrigin, batch: int = 8) -> int:
    """How many crops a training takes."""
    return batch * max(1, round(origin.scale * origin.steps))


def test_sets(folder: Path) -> dict[str, list[Tensor]]:
    """The clean test pictures, float32 (C, H, W), by the name of their set."""
    return {file.stem: _read_pictures(file) for file in sorted((folder / "data" / "pictures").glob("*.npz"))}


def tuning_pictures(folder: Path) -> list[Tensor]:
    """Clean pictures that are neither trained on nor tested on."""
    return _read_pictures(folder / "data" / "tuning.npz")


def noisy_picture(clean: Tensor, number: int, noise: Noise) -> Tensor:
    """The noisy version of a set's picture of that number: the same for everybody who is tested on it."""
    return noise.noisy(Scenes.whole(clean[None], noise), Generator().manual_seed(1000 + number))[0]


def summary(squared_errors: list[float]) -> dict[str, Any]:
    """The figures of a set from the error of each picture: PSNR averaged over pictures, and from their mean error."""
    errors = torch.tensor(squared_errors, dtype=torch.float64)
    mean, overall = float(decibels(errors).mean()), float(decibels(errors.mean()))
    finite = bool(errors.isfinite().all())
    return {
        "pictures": len(errors),
        "psnr": mean if finite else None,
        "overall": overall if finite else None,
    }


def _read(path: Path, scale: float) -> list[Tensor]:
    files = list_images(path)
    return [_coloured(read_image(file).pixels) for file in files[: max(1, round(scale * len(files)))]]


def _coloured(pictures: Tensor) -> Tensor:
    return pictures if pictures.shape[-3] == 3 else pictures.expand(*pictures.shape[:-3], 3, -1, -1)


def _write_pictures(path: Path, pictures: list[Tensor]) -> None:
    arrays: dict[str, Any] = {
        f"{number:05}": picture.mul(255).round().byte().numpy() for number, picture in enumerate(pictures)
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def _read_pictures(path: Path) -> list[Tensor]:
    with np.load(path) as file:
        return [unit(torch.from_numpy(file[name])) for name in sorted(file.files)]
