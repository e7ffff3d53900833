"""Whether pictures are large enough for what is to be cut out of them."""

from collections.abc import Sequence
from pathlib import Path

import torch

from n2n.errors import InputError
from n2n.images.album import Album

__all__ = ["check_sizes"]


def check_sizes(album: Album, paths: Sequence[Path], smallest: int, what: str) -> None:
    """Raises InputError, naming the first, where a side of a picture has less than `smallest` pixels."""
    # As int64: no side has more pixels, whatever was asked for.
    shorter = torch.minimum(album.heights, album.widths)
    small = (shorter < min(smallest, torch.iinfo(torch.int64).max)).nonzero().flatten().tolist()
    if small:
        first, size = paths[small[0]], album.sizes()[small[0]]
        raise InputError(
            f"{first} is {size}, and {what} needs {smallest}×{smallest} pixels: {len(small)} of {len(paths)} "
            "pictures are too small, remove them or choose a smaller size"
        )
