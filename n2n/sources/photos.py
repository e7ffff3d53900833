"""Pairs from clean pictures and a noise model."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from n2n.errors import InputError, unknown
from n2n.images import Picture, list_images, read_image
from n2n.images.album import Album
from n2n.images.leaves import GROUP, dead_leaves
from n2n.noise import Noise, Pairs
from n2n.sources.sizes import check_sizes
from n2n.sources.source import Track

__all__ = ["Photos", "photos", "procedural"]

TARGETS = ("noisy", "clean")


def photos(
    folder: str | Path,
    noise: Noise,
    size: int = 32,
    held_out: float = 0.1,
    flips: bool = True,
    track: Track = iter,
    targets: str = "noisy",
    memory: int | None = None,
) -> "Photos":
    """Pairs from a folder of clean photographs of any size, each noisy image a draw of `noise`.

    Grey photos among coloured ones are taken as colour. `targets` is "noisy", or "clean" to compare with training
    that knows the clean images. Photos whose pixels exceed `memory` bytes, by default half of what the machine
    has to spare, are kept in a temporary file. Raises `InputError` where a photo is too small for `noise` at this
    size, or cannot be read.
    """
    _check_targets(targets)
    paths = list_images(folder)
    album = Album.of((read_image(path) for path in track(paths)), memory)
    check_sizes(album, paths, noise.smallest(size), f"'{noise}' at size {size}")
    training, rest = album.hold_out(held_out, noise.smallest(size))
    return Photos(training, rest, noise, size, flips, targets)


def procedural(
    noise: Noise,
    size: int = 32,
    count: int = 200,
    side: int = 256,
    held_out: float = 0.1,
    seed: int = 0,
    flips: bool = True,
    targets: str = "noisy",
    memory: int | None = None,
) -> "Photos":
    """Pairs from `count` dead-leaves images of `side` × `side` pixels: nothing needs to be downloaded.

    `flips`, `targets` and `memory` are those of `photos`.
    """
    _check_targets(targets)
    need = noise.smallest(size)
    if side < need:
        raise InputError(
            f"'{noise}' at size {size} needs pictures of {need}×{need} pixels, and the procedural ones have "
            f"{side}×{side}: choose a smaller size or cell, or give photographs"
        )
    generator = torch.Generator().manual_seed(seed)
    groups = (dead_leaves(generator, side, min(GROUP, count - done)) for done in range(0, count, GROUP))
    album = Album.of((Picture(image) for group in groups for image in group), memory)
    return Photos(*album.hold_out(held_out, need), noise, size, flips, targets)


@dataclass(frozen=True, eq=False)
class Photos:
    """Crops of clean pictures at random places, with two independent draws of `noise` over each.

    With `flips` each crop is turned to one of its eight orientations. With the targets "clean" there is one draw,
    and the clean crop is its target.
    """

    training: Album
    held_out: Album
    noise: Noise
    size: int
    flips: bool = True
    targets: str = "noisy"

    has_clean = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.training.channels, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        scenes = self.training.scenes(count, self.size, self.noise, generator, self.flips)
        if self.targets == "clean":
            return Pairs(self.noise.noisy(scenes, generator), self.noise.clean(scenes))
        return self.noise.pairs(scenes, generator)

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        scenes = self.held_out.scenes(count, self.size, self.noise, generator)
        return self.noise.noisy(scenes, generator), self.noise.clean(scenes)


def _check_targets(targets: str) -> None:
    if targets not in TARGETS:
        raise unknown("targets", targets, TARGETS)
