"""A batch in tiles: the same gradients from pieces that fit into the processor's cache."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from tape import tree

__all__ = ["in_tiles", "tile_size"]

PIXELS = 16384  # of a tile: few enough for the cache, enough that starting each operation costs little


def tile_size(image: Sequence[int]) -> int:
    """How many images (C, H, W) make a tile: as many as have about 16,384 pixels, at least one.

    >>> tile_size((3, 32, 32)), tile_size((3, 256, 256))
    (16, 1)
    """
    return max(1, PIXELS // (image[-1] * image[-2]))


def in_tiles(value_and_grad: Callable[..., Any], tile: int, reduction: str = "mean") -> Callable[..., Any]:
    """The value and the gradient of a loss over a batch, from tiles of it.

    Args:
        value_and_grad: takes (params, *batch), where the loss is a mean or a sum over the batch.
        tile: how many entries of the batch a tile has; the last may have fewer.
        reduction: "mean" or "sum", as the loss reduces the batch.

    Returns:
        a function of the same arguments. A tensor with as many rows as the first one is cut into tiles;
        anything else goes to each tile whole.
    """

    def tiled(params: Any, *batch: Any) -> Any:
        count = len(batch[0])
        total: Any = None
        for start in range(0, count, tile):
            rows = slice(start, min(start + tile, count))
            weight = (rows.stop - start) / count if reduction == "mean" else 1.0
            piece = [x[rows] if isinstance(x, Tensor) and x.ndim and len(x) == count else x for x in batch]
            part = value_and_grad(params, *piece)
            if total is None:
                total = tree.map(lambda x, weight=weight: x.mul_(weight), part)
            else:
                # What value_and_grad returns belongs to nobody else.
                tree.map(lambda sum, x, weight=weight: sum.add_(x, alpha=weight), total, part)
        return total if count else value_and_grad(params, *batch)

    return tiled
