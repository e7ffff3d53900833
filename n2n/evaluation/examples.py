"""Pairs of pictures to measure on, each made when it is asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from n2n.images import read_image
from n2n.images.tensor_files import TensorPairs
from n2n.noise import Noise
from n2n.noise.scenes import Scenes

__all__ = ["Example", "Examples", "examples", "tensor_images", "whole_captures", "whole_photos"]


class Example(NamedTuple):
    """A noisy picture and its clean version, or another noisy capture of it: (C, H, W) each."""

    name: str
    noisy: Tensor
    second: Tensor


def examples(noisy: Tensor, second: Tensor) -> list[Example]:
    """Those of two batches (N, C, H, W), named by their numbers."""
    return [Example(str(number), *pair) for number, pair in enumerate(zip(noisy, second, strict=True))]


@dataclass(frozen=True)
class Examples(Sequence[Example]):
    """As many examples as `length`, each made by its number when it is asked for."""

    length: int
    make: Callable[[int], Example]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Example:  # type: ignore[override]  # no slices
        if not 0 <= number < self.length:
            raise IndexError(number)
        return self.make(number)


def whole_photos(paths: Sequence[Path], noise: Noise, seed: int) -> Examples:
    """Clean photographs, each at its own size, with noise that its number and the seed decide."""

    def make(number: int) -> Example:
        scenes = Scenes.whole(read_image(paths[number]).pixels[None], noise)
        noisy = noise.noisy(scenes, Generator().manual_seed(seed * 1_000_003 + number))
        return Example(paths[number].name, noisy[0], noise.clean(scenes)[0])

    return Examples(len(paths), make)


def whole_captures(names: Sequence[str], pairs: Sequence[tuple[Path, Path]]) -> Examples:
    """Two noisy captures of each scene, at their own size."""

    def make(number: int) -> Example:
        noisy, second = (read_image(path).pixels for path in pairs[number])
        channels = max(noisy.shape[0], second.shape[0])
        return Example(names[number], noisy.expand(channels, -1, -1), second.expand(channels, -1, -1))

    return Examples(len(pairs), make)


def tensor_images(pairs: TensorPairs) -> Examples:
    """The images of a tensor file, named by their numbers."""

    def make(number: int) -> Example:
        noisy, second = pairs.images(torch.tensor([number]))
        return Example(str(number), noisy[0], second[0])

    return Examples(len(pairs), make)
