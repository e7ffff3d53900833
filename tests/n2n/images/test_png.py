import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from n2n.images import read_image
from n2n.images.png import decode_png, encode_png, is_deep_png
from tests.n2n.images.helpers import Array, noise


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.binary(max_size=50), st.booleans())
def test_pixels_come_back_with_and_without_metadata(
    channels: int, height: int, width: int, icc: bytes, resolution: bool
) -> None:
    array = np.random.default_rng(height * width).integers(0, 65536, (height, width, channels)).astype(np.uint16)
    data = encode_png(array, exif=icc, icc=icc, dpi=(72, 300) if resolution else None)
    assert is_deep_png(data)
    np.testing.assert_array_equal(decode_png(data), array)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(16) + b"\x08"])
def test_other_files_are_not_deep(data: bytes) -> None:
    assert not is_deep_png(data)


def png16(array: Array, colour_type: int) -> bytes:
    """A PNG of 16 bits per channel, which Pillow does not write in colour."""
    height, width = array.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_sixteen_bit_png_keeps_every_bit(tmp_path: Path, channels: int, colour_type: int) -> None:
    array = noise(5, 3, channels, most=65535).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(png16(array, colour_type))
    picture = read_image(tmp_path / "a.png")
    assert picture.depth == 16
    assert (picture.alpha is not None) == (channels in (2, 4))
    planes = picture.pixels if picture.alpha is None else torch.cat([picture.pixels, picture.alpha[None]])
    np.testing.assert_array_equal(planes.permute(1, 2, 0).mul(65535).round().numpy(), array)
