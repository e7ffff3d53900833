"""PNG files of 16 bits per channel, with what they say of the picture."""

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo

__all__ = ["decode_png", "encode_png", "is_deep_png", "xmp_chunk"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = len(SIGNATURE) + 25  # where the first chunk ends, which says size and depth
INCH = 0.0254  # metres
XMP = b"XML:com.adobe.xmp\0\0\0\0\0"  # a keyword, not compressed, in no language


def is_deep_png(data: bytes) -> bool:
    """Whether a PNG file's pixels have 16 bits per channel, by its header."""
    return data.startswith(SIGNATURE) and data[24:25] == b"\x10"


def decode_png(data: bytes) -> NDArray[np.uint16]:
    """The pixels of a PNG of 16 bits: (H, W, 1 to 4), alpha last."""
    array = np.asarray(imagecodecs.png_decode(data), dtype=np.uint16)
    return array if array.ndim == 3 else array[..., None]


def encode_png(
    array: NDArray[Any],
    exif: bytes = b"",
    icc: bytes = b"",
    dpi: tuple[float, float] | None = None,
    xmp: bytes = b"",
) -> bytes:
    """A PNG of pixels uint16, (H, W, 1 to 4), with metadata, profile and resolution where they are given.

    >>> is_deep_png(encode_png(np.zeros((2, 3, 4), np.uint16), dpi=(300, 300)))
    True
    """
    data = imagecodecs.png_encode(array if array.shape[2] > 1 else array[..., 0])
    chunks = b""  # all of them go between the header and the pixels
    if icc:
        chunks += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))
    if dpi:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(dots / INCH) for dots in dpi), 1))
    if exif:
        chunks += _chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))
    if xmp:
        chunks += _chunk(b"iTXt", XMP + xmp)
    return bytes(data[:HEADER]) + chunks + bytes(data[HEADER:])


def xmp_chunk(xmp: bytes) -> PngInfo:
    """XMP as Pillow writes it into a PNG of 8 bits."""
    info = PngInfo()
    info.add(b"iTXt", XMP + xmp)
    return info


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
