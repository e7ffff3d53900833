import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from n2n.errors import InputError
from n2n.images import pixel_buffer
from n2n.images.pixel_buffer import half_of_memory, joined
from tests.n2n.samples import generator

KINDS = [(channels, dtype) for channels in (1, 4) for dtype in (torch.uint8, torch.uint16)]


def piece(pixels: int, channels: int, dtype: torch.dtype) -> Tensor:
    most = 255 if dtype == torch.uint8 else 65535
    return torch.randint(0, most + 1, (pixels, channels), generator=generator(pixels)).to(dtype)


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from(KINDS)), min_size=1, max_size=6), st.integers(0, 400))
def test_memory_and_disk_hold_the_same_pixels(shapes: list[Any], memory: int) -> None:
    pieces = [piece(pixels, *kind) for pixels, kind in shapes]
    whole = joined(pieces, 10**9)
    assert torch.equal(joined(iter(pieces), memory), whole)
    assert whole.shape == (sum(pixels for pixels, _ in shapes), max(kind[0] for _, kind in shapes))
    parts = whole.split([pixels for pixels, _ in shapes])
    for each, part in zip(pieces, parts, strict=True):
        scale = 257 if each.dtype != whole.dtype else 1
        assert torch.equal(part.int(), (each.int() * scale).expand_as(part))


def test_pieces_are_let_go_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    written: list[int] = []
    write = pixel_buffer._write

    def noted(file: Any, each: Tensor) -> None:
        written.append(len(taken))
        write(file, each)

    def pieces() -> Iterator[Tensor]:
        for number in range(6):
            taken.append(number)
            yield piece(10, 1, torch.uint8)

    monkeypatch.setattr(pixel_buffer, "_write", noted)
    joined(pieces(), 25)
    assert written == [3, 3, 3, 4, 5, 6]


def test_the_file_has_no_name_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pixels = joined([piece(100, 4, torch.uint8), piece(50, 1, torch.uint16)], 0)
    assert not list(tmp_path.iterdir())
    assert pixels.shape == (150, 4)


def test_a_full_disk_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pixel_buffer, "_write", full)
    with pytest.raises(InputError, match=r"No space left on device.*set TMPDIR"):
        joined([piece(10, 1, torch.uint8)], 0)


def test_some_memory_is_found() -> None:
    assert 2**20 < half_of_memory() < 2**50
