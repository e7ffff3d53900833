"""Where training pairs come from: photographs with a noise model, noisy captures, tensor files.

Every source draws with a generator that it is given and keeps no state: the same seed gives the same bits, and
a run that resumes needs the generator's state alone. Draws are with replacement, so "an epoch of 50,000" is
50,000 draws. What is held out for validation is held out by picture, by a fixed choice that no seed changes: a
crop that is validated on never comes from a picture that is trained on.
"""

import pickle
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.images import Picture, list_images, read_image
from n2n.leaves import dead_leaves
from n2n.noise import Gaussian, Noise, Scenes, unit

Track = Callable[[Sequence[Path]], Iterable[Path]]  # wraps the files to be read, as `rich.progress.track` does


class Source(Protocol):
    """What training reads."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""

    @property
    def has_clean(self) -> bool:
        """Whether `validation` knows the clean images; if not, it gives other noisy ones in their place."""

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noisy images and as noisy targets: float32 (count, C, H, W) in about [0, 1]."""

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


def _check_sizes(album: "Album", paths: Sequence[Path], smallest: int, what: str) -> None:
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

    training: "Album"
    held_out: "Album"
    noise: Noise
    size: int
    flips: bool = True

    has_clean = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.training.channels, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        scenes = self.training.scenes(count, self.size, self.noise, generator, self.flips)
        return self.noise.noisy(scenes, generator), self.noise.noisy(scenes, generator)

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        scenes = self.held_out.scenes(count, self.size, self.noise, generator)
        return self.noise.noisy(scenes, generator), self.noise.clean(scenes)


@dataclass(frozen=True, eq=False)
class Captures:
    """Crops of two noisy captures of each scene, at the same random place in both."""

    noisy: "Album"
    target: "Album"
    held_noisy: "Album"
    held_target: "Album"
    size: int
    flips: bool = True

    has_clean = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.noisy.channels, self.size, self.size

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        scenes = self.noisy.scenes(count, self.size, _AS_IT_IS, generator, self.flips)
        return scenes.mean(), replace(scenes, pixels=self.target.pixels).mean()

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        scenes = self.held_noisy.scenes(count, self.size, _AS_IT_IS, generator)
        return scenes.mean(), replace(scenes, pixels=self.held_target.pixels).mean()


@dataclass(frozen=True, eq=False)
class Tensors:
    """Whole images of a tensor file. Validation takes each held-out pair once before any is taken again."""

    training: "TensorPairs"
    held_out: "TensorPairs"

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.training.noisy.shape[1:]
        return channels, height, width

    @property
    def has_clean(self) -> bool:
        return self.held_out.clean

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(self.training.noisy), (count,), generator=generator)
        return self.training.images(chosen)

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randperm(len(self.held_out.noisy), generator=generator)
        return self.held_out.images(chosen.repeat(-(-count // len(chosen)))[:count])


# Tensor files -----------------------------------------------------------------------------------------------


class TensorPairs(NamedTuple):
    """Noisy images and their second ones, uint8 or float32 in about [0, 1], (N, C, H, W).

    `clean` says whether the second images are known to be clean; if not, they are other noisy ones.
    """

    noisy: Tensor
    second: Tensor
    clean: bool

    def images(self, chosen: Tensor | slice = slice(None)) -> tuple[Tensor, Tensor]:
        """All, or those of the chosen numbers, float32 in about [0, 1]."""
        return unit(self.noisy[chosen]), unit(self.second[chosen])


def read_tensors(path: str | Path) -> TensorPairs:
    """The image pairs of a tensor file.

    An `.npz` holds arrays `noisy` and `clean`, or `noisy` and `target`; any other file is a tuple of two
    tensors saved by `torch.save`, as the course's `.pkl`, which does not say whether the second is clean.
    Images are uint8, or floating in about [0, 1], (N, C, H, W) with 1 or 3 channels. Raises `InputError` for
    anything else; code that a file carries is never run.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    noisy, second, clean = _read_npz(path) if path.suffix.lower() == ".npz" else (*_read_pickle(path), False)
    if noisy.shape != second.shape or noisy.ndim != 4 or noisy.shape[1] not in (1, 3) or noisy.numel() == 0:
        shapes = f"{tuple(noisy.shape)} and {tuple(second.shape)}"
        raise InputError(f"{path} holds tensors {shapes}: two of one shape (N, 1 or 3, H, W) are needed")
    return TensorPairs(_checked(noisy, path), _checked(second, path), clean)


def _read_npz(path: Path) -> tuple[Tensor, Tensor, bool]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("noisy", "clean", "target") if name in file}
            found = ", ".join(file.files)
    except Exception as error:  # a damaged archive can make its reader raise anything
        raise InputError(f"{path} is no .npz file that can be read ({error})") from error
    if len(arrays) != 2 or "noisy" not in arrays:
        raise InputError(f"{path} holds {found}: 'noisy' and either 'clean' or 'target' are needed")
    try:
        noisy, second = (torch.from_numpy(array) for array in arrays.values())
    except TypeError as error:
        raise InputError(f"{path} holds arrays that are not of numbers ({error})") from error
    return noisy, second, "clean" in arrays


def _read_pickle(path: Path) -> tuple[Tensor, Tensor]:
    try:
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path} holds more than tensors, which is not run, or is damaged") from error
    except Exception as error:  # a damaged file can make its reader raise anything
        raise InputError(f"{path} is no tensor file that can be read") from error
    if not (isinstance(content, tuple | list) and len(content) == 2 and all(map(_is_plain, content))):
        raise InputError(f"{path} is not a pair of tensors: save one with torch.save((noisy, target), path)")
    return content[0], content[1]


def _is_plain(content: object) -> bool:
    return isinstance(content, Tensor) and content.layout == torch.strided and not content.is_quantized


def _checked(images: Tensor, path: Path) -> Tensor:
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point() or not bool(images.isfinite().all()):
        raise InputError(f"{path} holds {images.dtype} numbers: uint8, or finite ones in [0, 1], are needed")
    if float(images.abs().max()) > 4:
        raise InputError(f"{path} holds numbers up to {float(images.max()):g}: divide them so that white is 1")
    return images.detach().float()


# Pictures in one buffer -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Album:
    """Pictures of any sizes, in one buffer, so that a batch of crops is a single read.

    `pixels`, uint8 or uint16 (P, 1), or (P, 4) with the fourth unused, has them row by row; picture k begins at
    pixel `first[k]` and has `heights[k]` rows of `widths[k]` pixels.
    """

    pixels: Tensor
    first: Tensor
    heights: Tensor
    widths: Tensor

    @classmethod
    def of(cls, pictures: Iterable[Picture]) -> "Album":
        """Keeps 8 bits per channel, or 16 if any picture has them; colour if any picture has it."""
        buffers, shapes = [], []
        for picture in pictures:
            most, dtype = (255, torch.uint8) if picture.depth == 8 else (65535, torch.uint16)
            pixels = picture.pixels.clamp(0, 1).mul(most).round_().permute(1, 2, 0)
            buffers.append(pixels.flatten(0, 1).to(dtype))
            shapes.append(pixels.shape[:2])
        deep = any(buffer.dtype == torch.uint16 for buffer in buffers)
        colour = any(buffer.shape[1] == 3 for buffer in buffers)
        heights, widths = torch.tensor(shapes).T
        end = (heights * widths).cumsum(0)
        pixels = torch.zeros(int(end[-1]), 4 if colour else 1, dtype=torch.uint16 if deep else torch.uint8)
        for buffer, place in zip(buffers, pixels.split((heights * widths).tolist()), strict=True):
            place[:, :3] = buffer.int() * 257 if deep and buffer.dtype == torch.uint8 else buffer
        return cls(pixels, end - heights * widths, heights, widths)

    def __len__(self) -> int:
        return len(self.first)

    @property
    def channels(self) -> int:
        return min(self.pixels.shape[1], 3)

    def sizes(self) -> list[str]:
        """Width×height of each picture, as people write it."""
        return [f"{width}×{height}" for height, width in zip(self.heights, self.widths, strict=True)]

    def picture(self, number: int) -> Tensor:
        """One picture, float32 (C, H, W) in [0, 1]."""
        height, width, first = (int(of[number]) for of in (self.heights, self.widths, self.first))
        pixels = self.pixels[first : first + height * width, : self.channels]
        return unit(pixels.view(height, width, -1).permute(2, 0, 1))

    def coloured(self) -> "Album":
        """Itself, or a copy of grey pictures as colour."""
        return self if self.channels == 3 else replace(self, pixels=self.pixels.expand(-1, 4).contiguous())

    def scenes(self, count: int, size: int, noise: Noise, generator: torch.Generator, flips: bool = False) -> Scenes:
        """`count` windows at random places in random pictures, each to become a (size, size) picture."""
        picture, side, down, across = torch.rand(4, count, generator=generator, dtype=torch.float64)
        chosen = (picture * len(self)).long()
        height, width = self.heights[chosen], self.widths[chosen]
        least, most = noise.sides(size, torch.minimum(height, width))
        sides = least + (side * (most - least + 1)).long()
        top, left = (down * (height - sides + 1)).long(), (across * (width - sides + 1)).long()
        strides = torch.stack([width, torch.ones_like(width)])
        mirrored = torch.zeros(2, count, dtype=torch.bool)
        if flips:
            transposed, *mirrors = torch.randint(2, (3, count), generator=generator).bool()
            strides, mirrored = torch.where(transposed, strides.flip(0), strides), torch.stack(mirrors)
        first = self.first[chosen] + top * width + left
        return Scenes(self.pixels, first, sides.expand(2, count), strides, mirrored, (size, size))

    def hold_out(self, fraction: float, smallest: int) -> tuple["Album", "Album"]:
        """Those to train on, and about `fraction` of them, at least one, to validate on; for 1, all for either.

        The choice depends on the number of pictures alone. A single picture is cut in two, neither part less
        than `smallest` pixels high.
        """
        if fraction == 1:
            return self, self
        if len(self) > 1:
            count = min(max(1, round(fraction * len(self))), len(self) - 1)
            order = torch.randperm(len(self), generator=torch.Generator().manual_seed(0))
            return self._only(order[count:].sort().values), self._only(order[:count].sort().values)
        rows = max(smallest, round(fraction * int(self.heights)))
        if int(self.heights) - rows < smallest:
            raise InputError(
                f"there is one picture, {int(self.heights)} pixels high, to train and to validate on: "
                f"add another, or one at least {2 * smallest} pixels high"
            )
        above = self.heights - rows
        lower = self.first + above * self.widths
        return replace(self, heights=above), replace(self, first=lower, heights=self.heights - above)

    def _only(self, chosen: Tensor) -> "Album":
        return Album(self.pixels, self.first[chosen], self.heights[chosen], self.widths[chosen])


_AS_IT_IS: Noise = Gaussian(0, 0)  # captures bring their own noise
