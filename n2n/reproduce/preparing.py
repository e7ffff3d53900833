"""Makes the data of a reproduction: 50,000 noisy pairs of 32×32 pixels and 1,000 held-out images, as the course's.

Point samples are kept in 8 bits as the course's are. Noise that leaves [0, 1] is kept in float32, since cutting it
off would break its zero mean.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from n2n.errors import InputError
from n2n.images import list_images
from n2n.images.tensor_files import read_tensors
from n2n.noise import PointSample, parse_noise
from n2n.reproduce.baselines import write_baselines
from n2n.reproduce.data import Images, write_images, write_mapped
from n2n.sources import photos, procedural

__all__ = ["HELD_OUT", "PAIRS", "SIDE", "Origin", "described", "prepare"]

PAIRS, HELD_OUT, SIDE = 50_000, 1_000, 32
FEWEST = 20  # held-out images, at any scale

Track = Callable[[Sequence[Path]], Iterable[Path]]


@dataclass(frozen=True)
class Origin:
    """Where pairs come from: a folder of photographs, two tensor files, or neither, which is procedural images.

    `test` is a tensor file of noisy and clean images to measure on beside the held-out ones. `scale` is the fraction
    of the pairs of an epoch and of the held-out images.
    """

    photos: Path | None = None
    tensors: Path | None = None
    validation: Path | None = None
    noise: str = "pointsample"
    test: Path | None = None
    scale: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 1:
            raise InputError(f"scale is {self.scale:g}; it is a fraction, above 0 and at most 1")
        if (self.tensors is None) != (self.validation is None):
            raise InputError(
                "the course's training and validation files go together: give both --tensors and --validation"
            )

    @property
    def held_out(self) -> int:
        return max(FEWEST, round(self.scale * HELD_OUT))

    def described(self) -> dict[str, Any]:
        """What decides the data, with names in place of paths, so that a folder may be moved."""
        if self.tensors is not None and self.validation is not None:
            source = {"kind": "tensors", "training": described(self.tensors), "validation": described(self.validation)}
        elif self.photos is not None:
            source = {"kind": "photos", "photos": described(self.photos), "noise": str(parse_noise(self.noise))}
        else:
            source = {"kind": "procedural", "noise": str(parse_noise(self.noise))}
        test = None if self.test is None else described(self.test)
        return {"source": source, "scale": self.scale, "held_out": self.held_out, "seed": self.seed, "test": test}


def described(path: Path) -> dict[str, Any]:
    """A file's name and digest; or a folder's name, how many pictures it has, and the digest of their names and sizes.

    Raises InputError where there is nothing.
    """
    if path.is_dir():
        files = list_images(path)
        listing = "\n".join(f"{file.name} {file.stat().st_size}" for file in files)
        return {"name": path.resolve().name, "pictures": len(files), "digest": _digest(listing.encode())}
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder")
    return {"name": path.name, "digest": _digest(path.read_bytes())}


def prepare(folder: Path, origin: Origin, tick: Callable[[int], None], track: Track = iter) -> None:
    """Writes the data files that are not yet in `folder`, and the figures of the baselines on them.

    `tick` is told how many pairs have been made, `track` wraps the photographs to be read.
    """
    place = folder / "data"
    if (place / "baselines.json").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    if origin.test is not None:
        write_images(place / "test.npy", clean_images(origin.test, (SIDE, SIDE)), torch.float32)
    if origin.tensors is not None and origin.validation is not None:
        held_out, dtype = _prepare_tensors(place, origin.tensors, origin.validation, origin, tick)
    else:
        held_out, dtype = _prepare_scenes(place, origin, tick, track)
    write_images(place / "held-out.npy", held_out, dtype)
    write_baselines(folder)


def clean_images(path: Path, size: tuple[int, int]) -> Images:
    """Noisy and clean images of a tensor file; second images of which it says nothing are taken as clean."""
    content = read_tensors(path)
    if content.clean is False:
        raise InputError(f"{path} has no clean images to measure against: an array named 'clean' is needed")
    if content.noisy.shape[2:] != size or content.noisy.shape[1] != 3:
        raise InputError(f"{path} holds images {tuple(content.noisy.shape[1:])}: (3, {size[0]}, {size[1]}) are needed")
    return Images(*content.images())


def _prepare_tensors(
    place: Path, training: Path, validation: Path, origin: Origin, tick: Callable[[int], None]
) -> tuple[Images, torch.dtype]:
    held_out = clean_images(validation, (SIDE, SIDE))
    pairs = read_tensors(training)
    if pairs.noisy.shape[1:] != held_out.noisy.shape[1:]:
        raise InputError(f"{training} holds images {tuple(pairs.noisy.shape[1:])}: (3, {SIDE}, {SIDE}) are needed")
    count = max(1, round(origin.scale * len(pairs.noisy)))
    numbers = iter(range(count))

    def make(size: int) -> Tensor:
        return torch.stack(pairs.images(torch.tensor([next(numbers) for _ in range(size)])), 1)

    write_mapped(place / "pairs.npy", make, count, pairs.noisy.dtype, tick)
    return Images(*(each[: origin.held_out] for each in held_out)), pairs.noisy.dtype


def _prepare_scenes(
    place: Path, origin: Origin, tick: Callable[[int], None], track: Track
) -> tuple[Images, torch.dtype]:
    noise = parse_noise(origin.noise)
    if origin.photos is not None:
        source = photos(origin.photos, noise, SIDE, flips=False, track=track)
    else:
        source = procedural(noise, SIDE, seed=origin.seed)
    dtype = torch.uint8 if isinstance(noise, PointSample) else torch.float32
    generator = Generator().manual_seed(origin.seed)

    def make(size: int) -> Tensor:
        pair = source.draw(size, generator)
        return torch.stack([pair.noisy, pair.target], 1)

    write_mapped(place / "pairs.npy", make, max(1, round(origin.scale * PAIRS)), dtype, tick)
    return Images(*source.validation(origin.held_out, Generator().manual_seed(origin.seed + 1))), dtype


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
