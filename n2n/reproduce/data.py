"""The fixed set of noisy pairs that every cell trains on, as files that cells in several processes share."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.noise.scenes import unit

__all__ = ["CHUNK", "Data", "Images", "read_images", "read_mapped", "write_images", "write_mapped"]

CHUNK = 500  # pairs made at once


class Images(NamedTuple):
    """Noisy images and their clean ones, float32 (N, C, H, W)."""

    noisy: Tensor
    clean: Tensor


class Data(NamedTuple):
    """`pairs`, uint8 or float32 (N, 2, C, H, W), stays on disk until it is read; `test` is None if there is none."""

    pairs: Tensor
    held_out: Images
    test: Images | None

    @classmethod
    def open(cls, folder: Path) -> "Data":
        """The files that `prepare` made in a folder."""
        test = folder / "data" / "test.npy"
        return cls(
            read_mapped(folder / "data" / "pairs.npy"),
            read_images(folder / "data" / "held-out.npy"),
            read_images(test) if test.exists() else None,
        )

    def drawn(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """The pairs of the chosen numbers: noisy and target, float32 (N, C, H, W)."""
        noisy, target = unit(self.pairs.index_select(0, chosen)).unbind(1)
        return noisy, target


def write_mapped(
    path: Path, make: Callable[[int], Tensor], count: int, dtype: torch.dtype, tick: Callable[[int], None]
) -> None:
    """Writes `count` entries, each chunk of them made by `make(how many)`, float32 in [0, 1] if `dtype` is uint8.

    The file appears whole or not at all.
    """
    partial = path.with_suffix(".partial")
    file = None
    try:
        for done in range(0, count, CHUNK):
            entries = kept_as(make(min(CHUNK, count - done)), dtype).numpy()
            if file is None:
                shape = (count, *entries.shape[1:])
                file = np.lib.format.open_memmap(partial, mode="w+", dtype=entries.dtype, shape=shape)
            file[done : done + len(entries)] = entries
            tick(len(entries))
        assert file is not None, "there is at least one entry"
        file.flush()
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path} could not be written: {error.strerror}") from error


def read_mapped(path: Path) -> Tensor:
    """The entries of a file of `write_mapped`: read from the disk as they are used, shared by all who read it."""
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def write_images(path: Path, images: Images, dtype: torch.dtype) -> None:
    """Writes noisy images and their clean ones as (2, N, C, H, W), whole or not at all."""
    write_mapped(path, lambda _: torch.stack(images), 2, dtype, lambda _: None)


def read_images(path: Path) -> Images:
    return Images(*unit(read_mapped(path)))


def kept_as(values: Tensor, dtype: torch.dtype) -> Tensor:
    """As 8 bits, or as they are."""
    return values.mul(255).round_().clamp_(0, 255).byte() if dtype == torch.uint8 else values.float()
