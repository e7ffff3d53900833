"""One buffer for the pixels of many pictures, on disk where memory does not hold it."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2n.errors import InputError

__all__ = ["half_of_memory", "joined"]


class Kind(NamedTuple):
    """How pixels are kept: grey in 1 channel, or colour in 4 of which the last is unused; of 8 or 16 bits."""

    channels: int
    dtype: torch.dtype

    def bytes(self, pixels: int) -> int:
        return pixels * self.channels * self.dtype.itemsize


GREY = Kind(1, torch.uint8)


def joined(pieces: Iterable[Tensor], memory: int) -> Tensor:
    """The pixels of all pieces, one after another, in the least kind that holds each: (P, 1 or 4).

    A piece is (pixels, 1 or 4), uint8 or uint16. If the result takes more than `memory` bytes it lies in a
    temporary file without a name, from which the system reads what is used and which is gone with the process;
    TMPDIR says where. Pieces are taken one by one. Raises InputError where the disk is full.
    """
    pieces = iter(pieces)
    held: list[Tensor] = []
    kind, pixels = GREY, 0
    for piece in pieces:
        held.append(piece)
        kind, pixels = _common(kind, _kind(piece)), pixels + len(piece)
        if kind.bytes(pixels) > memory:
            return _on_disk(chain(_taken(held), pieces))
    result = torch.empty(pixels, kind.channels, dtype=kind.dtype)
    end = 0
    for piece in _taken(held):
        end += len(piece)
        result[end - len(piece) : end] = _converted(piece, kind)
    return result


def half_of_memory() -> int:
    """Half of the bytes that the machine, and the container that the process runs in, have to spare."""
    spare = [2**33]  # where nothing can be learned
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        spare = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path, word in (("/proc/meminfo", "MemAvailable:"), ("/sys/fs/cgroup/memory.max", "")):
        text = Path(path).read_text() if Path(path).is_file() else ""
        number = text.partition(word)[2].split()[:1] if word else text.split()
        if number and number[0].isdigit():
            spare.append(int(number[0]) * (1024 if word else 1))
    return min(spare) // 2


def _kind(piece: Tensor) -> Kind:
    return Kind(piece.shape[1], piece.dtype)


def _common(one: Kind, other: Kind) -> Kind:
    return Kind(max(one.channels, other.channels), max(one.dtype, other.dtype, key=lambda dtype: dtype.itemsize))


def _converted(piece: Tensor, kind: Kind) -> Tensor:
    if piece.dtype != kind.dtype:
        piece = (piece.int() * 257).to(kind.dtype)
    return piece.expand(-1, kind.channels)


def _taken(pieces: list[Tensor]) -> Iterator[Tensor]:
    """The pieces, each let go before the next: what they become takes their place in memory."""
    pieces.reverse()
    while pieces:
        yield pieces.pop()


# On disk ----------------------------------------------------------------------------------------------------


def _on_disk(pieces: Iterable[Tensor]) -> Tensor:
    try:
        with tempfile.TemporaryFile() as file:
            written = []
            for piece in pieces:
                _write(file, piece)
                written.append((_kind(piece), len(piece)))
            kind = reduce(_common, (each for each, _ in written))
            if all(each == kind for each, _ in written):
                return _mapped(file, kind)
            # What is common to all is known only now.
            with tempfile.TemporaryFile() as common:
                file.seek(0)
                for each, pixels in written:
                    _write(common, _converted(_read(file, each, pixels), kind))
                return _mapped(common, kind)
    except OSError as error:
        raise InputError(
            f"the pictures do not fit into memory, nor into {tempfile.gettempdir()} ({error.strerror}): "
            "set TMPDIR to a folder with more room"
        ) from error


def _write(file: IO[bytes], piece: Tensor) -> None:
    file.write(piece.contiguous().numpy().data)


def _read(file: IO[bytes], kind: Kind, pixels: int) -> Tensor:
    data = bytearray(file.read(kind.bytes(pixels)))
    return torch.frombuffer(data, dtype=kind.dtype).view(pixels, kind.channels)


def _mapped(file: IO[bytes], kind: Kind) -> Tensor:
    file.flush()
    kept = np.memmap(file, dtype=np.uint8, mode="r+")
    return torch.from_numpy(kept).view(kind.dtype).view(-1, kind.channels)
