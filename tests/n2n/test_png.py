import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n2n.png import decode_png, encode_png, is_deep_png


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
