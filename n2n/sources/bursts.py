"""Pairs from any number of noisy captures of each scene."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.images import list_images, read_image
from n2n.images.album import Album
from n2n.noise import Pairs
from n2n.noise.scenes import Scenes
from n2n.sources.captures import AS_IT_IS, check_captures
from n2n.sources.sizes import check_sizes
from n2n.sources.source import Track

__all__ = ["Bursts", "bursts"]


def bursts(
    folder: str | Path,
    size: int = 32,
    held_out: float = 0.1,
    flips: bool = True,
    track: Track = iter,
    memory: int | None = None,
) -> "Bursts":
    """Pairs from a folder that holds a folder for each scene, with two or more noisy captures of it.

    A pair is any two different captures of a scene, in either order, so a scene of n captures makes n(n − 1).
    `memory` is that of `photos`. Raises `InputError`, naming folder or files, where a scene has one capture only,
    or two that differ in size or not at all, or that are smaller than `size`.
    """
    scenes = _folders(folder)
    listed = [list_images(scene) for scene in scenes]
    for scene, paths in zip(scenes, listed, strict=True):
        if len(paths) == 1:
            raise InputError(f"{scene} has one capture, {paths[0].name}: a scene needs two or more")
    paths = [path for burst in listed for path in burst]
    album = Album.of((read_image(path) for path in track(paths)), memory)
    counts = torch.tensor([len(burst) for burst in listed])
    first = counts.cumsum(0) - counts
    later = torch.arange(len(album))[~torch.isin(torch.arange(len(album)), first)]
    check_captures(album, torch.stack([later - 1, later], dim=1), paths)
    leads = album.only(first)
    check_sizes(leads, [burst[0] for burst in listed], size, f"a crop of {size}×{size}")
    training, rest = leads.hold_out(held_out, size)
    return Bursts(training, rest, leads, counts, size, flips)


@dataclass(frozen=True, eq=False)
class Bursts:
    """Crops of two different captures, drawn among all of a scene, at the same random place in both.

    The albums have the first capture of each scene: of all of them `leads`, with the number of captures in
    `counts`, int64 (S,). The others follow it in the album's pixels.
    """

    training: Album
    held_out: Album
    leads: Album
    counts: Tensor
    size: int
    flips: bool = True

    has_clean = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.leads.channels, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        scenes = self.training.scenes(count, self.size, AS_IT_IS, generator, self.flips)
        return Pairs(*self._two(scenes, generator))

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self._two(self.held_out.scenes(count, self.size, AS_IT_IS, generator), generator)

    def _two(self, scenes: Scenes, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = self.leads.numbers(scenes)
        captures, step = self.counts[chosen], (self.leads.heights * self.leads.widths)[chosen]
        one, other = torch.rand(2, len(chosen), generator=generator, dtype=torch.float64)
        first = (one * captures).long()
        second = (first + 1 + (other * (captures - 1)).long()) % captures
        return scenes.shifted(first * step).mean(), scenes.shifted(second * step).mean()


def _folders(folder: str | Path) -> list[Path]:
    """The folders in a folder, sorted by name; hidden ones are left out."""
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file where a folder with a folder for each scene is expected")
    found = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not found:
        raise InputError(f"{folder} has no folders in it: put the captures of each scene into one of their own")
    return found
