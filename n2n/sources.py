"""Where training pairs come from: photographs with a noise model, noisy captures, tensor files.

Every source draws with a generator that it is given and keeps no state: the same seed gives the same bits, and
a run that resumes needs the generator's state alone. Draws are with replacement, so "an epoch of 50,000" is
50,000 draws. What is held out for validation is held out by picture, by a fixed choice that no seed changes: a
crop that is validated on never comes from a picture that is trained on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from n2n.album import Album
from n2n.errors import InputError
from n2n.images import Picture, list_images, read_image
from n2n.leaves import dead_leaves
from n2n.noise import Gaussian, Noise, Pairs
from n2n.tensor_files import TensorPairs, read_tensors

Track = Callable[[Sequence[Path]], Iterable[Path]]  # wraps the files to be read, as `rich.progress.track` does


class Source(Protocol):
    """What training reads."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""

    @property
    def has_clean(self) -> bool:
        """Whether `validation` knows the clean images; if not, it gives other noisy ones in their place."""

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        """`count` pairs to train on."""

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Held-out noisy images and the clean ones (`has_clean`): float32 (count, C, H, W)."""


# Builders ---------------------------------------------------------------------------------------------------


def photos(
    folder: str | Path,
    noise: Noise,
    size: int = 32,
    held_out: float = 0.1,
    flips: bool = True,
    track: Track = iter,
) -> "Photos":
    """Pairs from a folder of clean photographs of any size, each noisy image a draw of `noise`.

    Grey photos among coloured ones are taken as colour. Raises `InputError` where a photo is too small for
    `noise` at this size, or cannot be read.
    """
    paths = list_images(folder)
    album = Album.of(read_image(path) for path in track(paths))
    _check_sizes(album, paths, noise.smallest(size), f"'{noise}' at size {size}")
    training, rest = album.hold_out(held_out, noise.smallest(size))
    return Photos(training, rest, noise, size, flips)


def procedural(
    noise: Noise, size: int = 32, count: int = 200, side: int = 256, held_out: float = 0.1, seed: int = 0
) -> "Photos":
    """Pairs from `count` dead-leaves images of `side` × `side` pixels: nothing needs to be downloaded."""
    need = noise.smallest(size)
    if side < need:
        raise InputError(f"'{noise}' at size {size} needs images of {need}×{need} pixels: raise the side {side}")
    generator = torch.Generator().manual_seed(seed)
    album = Album.of(Picture(image) for image in dead_leaves(generator, side, count))
    return Photos(*album.hold_out(held_out, need), noise, size)


def captures(
    first: str | Path,
    second: str | Path,
    size: int = 32,
    held_out: float = 0.1,
    flips: bool = True,
    track: Track = iter,
) -> "Captures":
    """Pairs from two folders of noisy captures: equal names show the same scene, with independent noise.

    Training maps the first folder's captures to the second's. Raises `InputError`, naming the files, where a
    capture has no partner, or the two differ in size or not at all, or are smaller than `size`.
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
    noisy = Album.of(read_image(path) for path in track(paths))
    target = Album.of(read_image(path) for path in track(partners))
    for one, other, path, partner in zip(noisy.sizes(), target.sizes(), paths, partners, strict=True):
        if one != other:
            raise InputError(f"{path} is {one} and {partner} is {other}: the captures of a scene have one size")
    _check_sizes(noisy, paths, size, f"a crop of {size}×{size}")
    if noisy.channels != target.channels:
        noisy, target = noisy.coloured(), target.coloured()
    for number, path in enumerate(paths):
        if bool((noisy.picture(number) == target.picture(number)).all()):
            raise InputError(f"{path} is the same in {second}: two captures have noise of their own")
    (noisy, noisy_rest), (target, target_rest) = (album.hold_out(held_out, size) for album in (noisy, target))
    return Captures(noisy, target, noisy_rest, target_rest, size, flips)


def tensors(path: str | Path, validation: str | Path | None = None, held_out: float = 0.02) -> "Tensors":
    """Pairs of a tensor file (see `read_tensors`), as they are.

    `validation` is a file of noisy and clean images, as the course's `val_data.pkl`. Without one a fraction
    `held_out` of the pairs is, and is clean only if the file says that its second images are.
    """
    pairs = read_tensors(path)
    if validation is None:
        count = min(max(1, round(held_out * len(pairs.noisy))), len(pairs.noisy) - 1)
        if count < 1:
            raise InputError(f"{path} holds one pair: one to train on and one to hold out are needed")
        order = torch.randperm(len(pairs.noisy), generator=torch.Generator().manual_seed(0))
        kept, rest = order[count:].sort().values, order[:count]
        held = TensorPairs(pairs.noisy[rest], pairs.second[rest], pairs.clean)
        return Tensors(TensorPairs(pairs.noisy[kept], pairs.second[kept], pairs.clean), held)
    held = read_tensors(validation)
    if held.noisy.shape[1:] != pairs.noisy.shape[1:]:
        raise InputError(
            f"{validation} holds images {tuple(held.noisy.shape[1:])}, {path} {tuple(pairs.noisy.shape[1:])}"
        )
    return Tensors(pairs, held._replace(clean=True))


def _check_sizes(album: Album, paths: Sequence[Path], smallest: int, what: str) -> None:
    small = (torch.minimum(album.heights, album.widths) < smallest).nonzero().flatten().tolist()
    if small:
        first, size = paths[small[0]], album.sizes()[small[0]]
        raise InputError(
            f"{first} is {size}, and {what} needs {smallest}×{smallest} pixels: {len(small)} of {len(paths)} "
            "pictures are too small, remove them or choose a smaller size"
        )


# Sources ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Photos:
    """Crops of clean pictures at random places, with two independent draws of `noise` over each.

    With `flips` each crop is turned to one of its eight orientations.
    """

    training: Album
    held_out: Album
    noise: Noise
    size: int
    flips: bool = True

    has_clean = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.training.channels, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        scenes = self.training.scenes(count, self.size, self.noise, generator, self.flips)
        return self.noise.pairs(scenes, generator)

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        scenes = self.held_out.scenes(count, self.size, self.noise, generator)
        return self.noise.noisy(scenes, generator), self.noise.clean(scenes)


@dataclass(frozen=True, eq=False)
class Captures:
    """Crops of two noisy captures of each scene, at the same random place in both."""

    noisy: Album
    target: Album
    held_noisy: Album
    held_target: Album
    size: int
    flips: bool = True

    has_clean = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.noisy.channels, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        scenes = self.noisy.scenes(count, self.size, _AS_IT_IS, generator, self.flips)
        return Pairs(scenes.mean(), replace(scenes, pixels=self.target.pixels).mean())

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        scenes = self.held_noisy.scenes(count, self.size, _AS_IT_IS, generator)
        return scenes.mean(), replace(scenes, pixels=self.held_target.pixels).mean()


@dataclass(frozen=True, eq=False)
class Tensors:
    """Whole images of a tensor file. Validation takes each held-out pair once before any is taken again."""

    training: TensorPairs
    held_out: TensorPairs

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.training.noisy.shape[1:]
        return channels, height, width

    @property
    def has_clean(self) -> bool:
        return self.held_out.clean

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        chosen = torch.randint(len(self.training.noisy), (count,), generator=generator)
        return Pairs(*self.training.images(chosen))

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randperm(len(self.held_out.noisy), generator=generator)
        return self.held_out.images(chosen.repeat(-(-count // len(chosen)))[:count])


_AS_IT_IS: Noise = Gaussian(0, 0)  # captures bring their own noise
