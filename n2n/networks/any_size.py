"""Networks that work at some sizes alone, made to work at any: their input is enlarged and their output cropped."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Generator, Tensor

import nn
from nn import Layer

__all__ = ["in_tiles", "padded_to"]


def padded_to(multiple: int, layer: Layer) -> Layer:
    """The layer on images of any size, by repeating their last rows and columns up to a multiple.

    >>> params, shape = padded_to(4, nn.Conv2d(3, 4, stride=4)).init(Generator(), (3, 5, 1))
    >>> shape
    (3, 5, 1)
    """

    def init(generator: Generator, shape: nn.Shape) -> tuple[nn.Params, nn.Shape]:
        channels, height, width = shape
        params, out = layer.init(generator, (channels, height + -height % multiple, width + -width % multiple))
        return params, (out[0], height, width)

    return Layer(init, lambda params, x: _cropped(multiple, x, lambda x: layer.apply(params, x)))


def in_tiles(side: int, layer: Layer) -> Layer:
    """The layer on each square of `side` pixels by itself, which is all that it has to know.

    The last squares of an image that is no multiple of them are filled up by repeating its last rows and columns.
    """

    def init(generator: Generator, shape: nn.Shape) -> tuple[nn.Params, nn.Shape]:
        params, out = layer.init(generator, (shape[0], side, side))
        return params, (out[0], *shape[1:])

    def apply(params: nn.Params, x: Tensor) -> Tensor:
        if x.shape[2:] == (side, side):
            return layer.apply(params, x)
        n, channels, height, width = x.shape
        rows, columns = height // side, width // side
        tiles = x.reshape(n, channels, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5)
        out = layer.apply(params, tiles.reshape(n * rows * columns, channels, side, side))
        out = out.reshape(n, rows, columns, -1, side, side).permute(0, 3, 1, 4, 2, 5)
        return out.reshape(n, -1, height, width)

    return Layer(init, lambda params, x: _cropped(side, x, lambda x: apply(params, x)))


def _cropped(multiple: int, x: Tensor, f: Callable[[Tensor], Tensor]) -> Tensor:
    """What `f` makes of images enlarged to a multiple, of their own size again."""
    height, width = x.shape[2:]
    below, right = -height % multiple, -width % multiple
    if below == right == 0:
        return f(x)
    return f(F.pad(x, (0, right, 0, below), mode="replicate"))[:, :, :height, :width]
