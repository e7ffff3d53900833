"""Pairs of a tensor file."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.images.tensor_files import TensorPairs, read_tensors
from n2n.noise import Pairs

__all__ = ["Tensors", "tensors"]

MANY = 256  # pairs that would not all be equal by chance; a file may be larger than memory


def tensors(
    path: str | Path, validation: str | Path | None = None, held_out: float = 0.02, flips: bool = False
) -> "Tensors":
    """Pairs of a tensor file (see `read_tensors`), as they are, or with `flips` in any of the eight orientations.

    `validation` is a file of noisy and clean images, as the course's `val_data.pkl`; one that says that its second
    images are noisy is taken at its word. Without one a fraction `held_out` of the pairs is held out, and is clean
    only if the file says that its second images are. Raises `InputError` where images to be turned are not square, or
    the noisy images are their own targets.
    """
    pairs = read_tensors(path)
    height, width = pairs.noisy.shape[2:]
    if flips and height != width:
        raise InputError(f"{path} holds images of {width}×{height}: only square ones can be flipped and turned")
    if pairs.clean is not True and torch.equal(pairs.noisy[:MANY], pairs.second[:MANY]):
        raise InputError(f"{path} holds the same images twice: two captures have noise of their own")
    if validation is None:
        count = min(max(1, round(held_out * len(pairs.noisy))), len(pairs.noisy) - 1)
        if count < 1:
            raise InputError(f"{path} holds one pair: one to train on and one to hold out are needed")
        order = torch.randperm(len(pairs.noisy), generator=torch.Generator().manual_seed(0))
        return Tensors(pairs.only(order[count:].sort().values), pairs.only(order[:count]), flips)
    held = read_tensors(validation)
    if held.noisy.shape[1:] != pairs.noisy.shape[1:]:
        raise InputError(
            f"{validation} holds images {tuple(held.noisy.shape[1:])}, {path} {tuple(pairs.noisy.shape[1:])}"
        )
    return Tensors(pairs, replace(held, clean=held.clean is not False), flips)


@dataclass(frozen=True, eq=False)
class Tensors:
    """Whole images of a tensor file. Validation takes each held-out pair once before any is taken again.

    With `flips` each pair, of square images, is turned to one of its eight orientations.
    """

    training: TensorPairs
    held_out: TensorPairs
    flips: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.training.noisy.shape[1:]
        return channels, height, width

    @property
    def has_clean(self) -> bool:
        return self.held_out.clean is True

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        noisy, second = self.training.images(torch.randint(len(self.training), (count,), generator=generator))
        if not self.flips:
            return Pairs(noisy, second)
        turns = torch.randint(2, (3, count, 1, 1, 1), generator=generator).bool()
        return Pairs(_turned(noisy, turns), _turned(second, turns))

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randperm(len(self.held_out), generator=generator)
        return self.held_out.images(chosen.repeat(-(-count // len(chosen)))[:count])


def _turned(images: Tensor, turns: Tensor) -> Tensor:
    """Each image transposed, mirrored up and down, and left and right, as `turns`, bool (3, N, 1, 1, 1), says."""
    transposed, upside, aside = turns
    images = torch.where(transposed, images.transpose(2, 3), images)
    images = torch.where(upside, images.flip(2), images)
    return torch.where(aside, images.flip(3), images)
