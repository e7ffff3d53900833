"""Pairs from two noisy captures of each scene."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.images import list_images, read_image
from n2n.images.album import Album
from n2n.noise import Gaussian, Noise, Pairs
from n2n.noise.scenes import Scenes
from n2n.sources.sizes import check_sizes
from n2n.sources.source import Track

__all__ = ["AS_IT_IS", "Captures", "captures", "check_captures"]

AS_IT_IS: Noise = Gaussian(0, 0)  # captures bring their own noise


def captures(
    first: str | Path,
    second: str | Path,
    size: int = 32,
    held_out: float = 0.1,
    flips: bool = True,
    track: Track = iter,
    memory: int | None = None,
) -> "Captures":
    """Pairs from two folders of noisy captures: equal names show the same scene, with independent noise.

    Training maps the first folder's captures to the second's. `memory` is that of `photos`. Raises `InputError`,
    naming the files, where a capture has no partner, or the two differ in size or not at all, or are smaller than
    `size`.
    """
    paths, partners = list_images(first), list_images(second)
    if Path(first).resolve() == Path(second).resolve():
        raise InputError(f"{first} is given twice: noisy pairs are two captures of each scene, in two folders")
    for here, there, folder in ((paths, partners, second), (partners, paths, first)):
        names = {path.name for path in there}
        alone = [path for path in here if path.name not in names]
        if alone:
            more = f" (nor have {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise InputError(f"{alone[0]} has no partner of that name in {folder}{more}")
    album = Album.of((read_image(path) for path in track([*paths, *partners])), memory)
    pairs = torch.arange(len(album)).view(2, -1).T
    check_captures(album, pairs, [*paths, *partners])
    noisy = album.only(pairs[:, 0])
    check_sizes(noisy, paths, size, f"a crop of {size}×{size}")
    step = int(album.first[len(paths)])
    training, rest = noisy.hold_out(held_out, size)
    return Captures(training, rest, step, size, flips)


@dataclass(frozen=True, eq=False)
class Captures:
    """Crops of two noisy captures of each scene, at the same random place in both.

    The albums have the first captures; a pixel of the second lies `step` pixels after the first's.
    """

    training: Album
    held_out: Album
    step: int
    size: int
    flips: bool = True

    has_clean = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.training.channels, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        return Pairs(*self._two(self.training.scenes(count, self.size, AS_IT_IS, generator, self.flips)))

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self._two(self.held_out.scenes(count, self.size, AS_IT_IS, generator))

    def _two(self, scenes: Scenes) -> tuple[Tensor, Tensor]:
        return scenes.mean(), scenes.shifted(self.step).mean()


def check_captures(album: Album, pairs: Tensor, paths: Sequence[Path]) -> None:
    """Raises InputError, naming the files, where the two of a pair cannot be captures of one scene.

    `pairs`, int64 (K, 2), are numbers of pictures in the album, whose files are `paths`.
    """
    sizes = album.sizes()
    for one, other in pairs.tolist():
        if sizes[one] != sizes[other]:
            raise InputError(
                f"{paths[one]} is {sizes[one]} and {paths[other]} is {sizes[other]}: "
                "the captures of a scene have one size"
            )
        if torch.equal(album.picture(one), album.picture(other)):
            raise InputError(f"{paths[one]} is the same as {paths[other]}: two captures have noise of their own")
