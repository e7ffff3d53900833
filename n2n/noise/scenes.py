"""Windows into pictures: what noise works on."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Scenes", "Sided", "unit"]


class Sided(Protocol):
    """What asks of a window that it be neither too small nor too large."""

    def sides(self, size: int, shorter: Tensor) -> tuple[Tensor, Tensor]:
        """The least and the greatest side, in pixels, of a window that makes a (size, size) picture.

        `shorter` is the shorter side of each photo, int64 (N,), and large enough for one.
        """


@dataclass(frozen=True, eq=False)
class Scenes:
    """N windows into pictures, each divided into as many cells as the picture to be made of it has pixels.

    `pixels` (P, C) holds the pictures' pixels row by row, as uint8, uint16 or float32; a fourth channel only
    makes a pixel one machine word. Of each window, `first` (N,) is the index of its first pixel; and for the
    two axes of the picture to be made, `sides` (2, N) is its extent in pixels, `strides` (2, N) the step from
    one pixel to the next, and `mirrored` (2, N) whether it is read backwards. `shape` is (H, W) of the pictures
    to be made.
    """

    pixels: Tensor
    first: Tensor
    sides: Tensor
    strides: Tensor
    mirrored: Tensor
    shape: tuple[int, int]

    @classmethod
    def whole(cls, images: Tensor, noise: Sided) -> "Scenes":
        """All of each image of a batch, float (N, C, H, W), with the smallest cells that `noise` has.

        >>> from n2n.noise import PointSample
        >>> scenes = Scenes.whole(torch.rand(2, 3, 100, 64), PointSample(8, 8))
        >>> scenes.mean().shape
        torch.Size([2, 3, 12, 8])
        """
        count, channels, height, width = images.shape
        cell = int(noise.sides(1, torch.tensor([min(height, width)]))[0])
        shape = (height // cell, width // cell)
        return cls(
            pixels=images.permute(0, 2, 3, 1).reshape(-1, channels).float().contiguous(),
            first=torch.arange(count) * (height * width),
            sides=torch.tensor(shape)[:, None].expand(2, count) * cell,
            strides=torch.tensor([width, 1])[:, None].expand(2, count),
            mirrored=torch.zeros(2, count, dtype=torch.bool),
            shape=shape,
        )

    @property
    def channels(self) -> int:
        return min(self.pixels.shape[1], 3)

    def shifted(self, step: int | Tensor) -> "Scenes":
        """The windows that begin `step` pixels, an int or int64 (N,), further on in the buffer."""
        return replace(self, first=self.first + step)

    def mean(self) -> Tensor:
        """The mean of each cell, weighing pixels by how much of them lies in it: float32 (N, C, H, W)."""
        if bool((self.sides == torch.tensor(self.shape)[:, None]).all()):
            rows, columns = (self._cells(axis).int() for axis in (0, 1))
            return self._read(rows[:, :, None], columns[:, None, :])
        return torch.stack([self._mean(window) for window in range(len(self.first))])

    def sample(self, generator: torch.Generator) -> Tensor:
        """One random pixel of each cell, the same for all channels: float32 (N, C, H, W)."""
        # One draw of 32 bits is a place within the cell: 16 bits down and 16 across, counted from its middle.
        bits = torch.empty(len(self.first), *self.shape, dtype=torch.int32)
        bits.random_(-(2**31), 2**31, generator=generator)
        down, across = bits.view(torch.int16).view(*bits.shape, 2).unbind(-1)
        rows = self._places(0, self._cells(0)[:, :, None], down)
        return self._read(rows, self._places(1, self._cells(1)[:, None, :], across))

    def _cells(self, axis: int) -> Tensor:
        """The numbers of the cells along an axis, as they are to be read: float32 (N, H or W)."""
        numbers = torch.arange(self.shape[axis], dtype=torch.float32)
        return torch.where(self.mirrored[axis, :, None], numbers.flip(0), numbers)

    def _places(self, axis: int, cells: Tensor, within: Tensor) -> Tensor:
        """Pixels of the window, int32, at `within` / 65536 cells from the middles of `cells`."""
        side = self.sides[axis, :, None, None].float()
        cell = side / self.shape[axis]
        place = torch.addcmul((cells + 0.5) * cell, within.float(), cell / 65536)
        return torch.minimum(place, side - 1, out=place).int()  # rounding may reach the window's end

    def _read(self, rows: Tensor, columns: Tensor) -> Tensor:
        """The pixels at places of the windows, int32: float32 (N, C, H, W) in [0, 1]."""
        down, across = self.strides.int()[:, :, None, None]
        index = (rows * down + columns * across) + self.first[:, None, None]
        # A pixel that fits into a machine word is read as one, in a third of the time.
        words = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}.get(self.pixels[0].nbytes)
        source = self.pixels if words is None else self.pixels.view(words).flatten()
        found = source.index_select(0, index.flatten())
        pixels = found.view(*index.shape, -1).view(self.pixels.dtype)[..., : self.channels]
        return unit(pixels.permute(0, 3, 1, 2))

    def _mean(self, window: int) -> Tensor:
        """The mean of one window's cells: (C, H, W)."""
        (height, width), (down, across) = self.sides[:, window].tolist(), self.strides[:, window].tolist()
        step, channel = self.pixels.stride()
        pixels = self.pixels[int(self.first[window]) :].as_strided(
            (height, width, self.channels), (down * step, across * step, channel)
        )
        # In NumPy: hundreds of small steps like this one only lose by torch's threads.
        means = _cell_means(_cell_means(pixels.numpy(), self.shape[0]).swapaxes(0, 1), self.shape[1])
        backwards = [1 + axis for axis in (0, 1) if self.mirrored[axis, window]]
        return torch.from_numpy(means).permute(2, 1, 0).flip(backwards).float() / _white(self.pixels.dtype)


def _cell_means(values: NDArray[Any], cells: int) -> NDArray[np.float64]:
    """The means of `values` along the first axis over equal cells, not necessarily of whole pixels."""
    edges = np.arange(cells + 1) * len(values) / cells
    first = edges[:-1].astype(int)
    sums = np.add.reduceat(values, first, axis=0, dtype=np.float64 if values.dtype.kind == "f" else np.int64)
    # What of the pixel at its beginning belongs to the cell before.
    before = (edges[:-1] - first).reshape(-1, *[1] * (values.ndim - 1)) * values[first]
    after = np.concatenate([before[1:], np.zeros_like(before[:1])])
    return np.asarray((sums - before + after) * (cells / len(values)))


def unit(pixels: Tensor) -> Tensor:
    """Pixels of any dtype as float32, contiguous, white being 1."""
    values = pixels.to(torch.float32, memory_format=torch.contiguous_format)
    return values if pixels.is_floating_point() else values.div_(_white(pixels.dtype))


def _white(dtype: torch.dtype) -> int:
    return {torch.uint8: 255, torch.uint16: 65535}.get(dtype, 1)
