"""Pictures of any sizes in one buffer, and windows into them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.images import Picture
from n2n.images.pixel_buffer import half_of_memory, joined
from n2n.noise import Noise
from n2n.noise.scenes import Scenes, unit

__all__ = ["Album"]


@dataclass(frozen=True, eq=False)
class Album:
    """Pictures of any sizes, in one buffer, in memory or on disk, so that a batch of crops is a single read.

    `pixels`, uint8 or uint16 (P, 1), or (P, 4) with the fourth unused, has them row by row; picture k begins at
    pixel `first[k]` and has `heights[k]` rows of `widths[k]` pixels.
    """

    pixels: Tensor
    first: Tensor
    heights: Tensor
    widths: Tensor

    @classmethod
    def of(cls, pictures: Iterable[Picture], memory: int | None = None) -> "Album":
        """Keeps 8 bits per channel, or 16 if any picture has them; colour if any picture has it.

        Takes one picture at a time, and puts pixels of more than `memory` bytes, half of what there is if None,
        into a temporary file.
        """
        shapes: list[tuple[int, int]] = []

        def pieces() -> Iterator[Tensor]:
            for picture in pictures:
                height, width = picture.pixels.shape[1:]
                shapes.append((height, width))
                yield _packed(picture)

        pixels = joined(pieces(), half_of_memory() if memory is None else memory)
        heights, widths = torch.tensor(shapes).T
        return cls(pixels, (heights * widths).cumsum(0) - heights * widths, heights, widths)

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

    def numbers(self, scenes: Scenes) -> Tensor:
        """The number of the picture that each window lies in: int64 (N,)."""
        return torch.searchsorted(self.first, scenes.first, right=True) - 1

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
            return self.only(order[count:].sort().values), self.only(order[:count].sort().values)
        rows = max(smallest, round(fraction * int(self.heights)))
        if int(self.heights) - rows < smallest:
            raise InputError(
                f"there is one picture, {int(self.heights)} pixels high, to train and to validate on: "
                f"add another, or one at least {2 * smallest} pixels high"
            )
        above = self.heights - rows
        lower = self.first + above * self.widths
        return replace(self, heights=above), replace(self, first=lower, heights=self.heights - above)

    def only(self, chosen: Tensor) -> "Album":
        """The pictures of these numbers, int64 (K,), in ascending order."""
        return Album(self.pixels, self.first[chosen], self.heights[chosen], self.widths[chosen])


def _packed(picture: Picture) -> Tensor:
    """A picture's pixels row by row: uint8 or uint16, (P, 1), or (P, 4) with the fourth unused."""
    most, dtype = (255, torch.uint8) if picture.depth == 8 else (65535, torch.uint16)
    values = picture.pixels.clamp(0, 1).mul_(most).round_().permute(1, 2, 0)
    pixels = torch.zeros(*values.shape[:2], 1 if values.shape[2] == 1 else 4, dtype=dtype)
    pixels[..., : values.shape[2]] = values
    return pixels.flatten(0, 1)
