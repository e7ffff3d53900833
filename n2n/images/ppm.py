"""PPM and PGM files of 16 bits per channel."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from n2n.errors import InputError

__all__ = ["decode_ppm", "encode_ppm", "is_deep_ppm"]


def is_deep_ppm(image: Image.Image) -> bool:
    """Whether an opened picture is a PPM whose colours have more than 8 bits."""
    return image.format == "PPM" and image.mode == "RGB" and _white(image) > 255


def decode_ppm(image: Image.Image, path: Path) -> NDArray[np.uint16]:
    """The pixels of a deep PPM, opened from `path`: (H, W, 3), white being 65535, whatever number it is in the file.

    Raises InputError where they are written as text.
    """
    tile: Any = getattr(image, "tile", None)
    if tile[0].codec_name == "ppm_plain":
        raise InputError(f"{path} has 16-bit colour written as text: save it as a binary .ppm, .png or .tiff")
    values = np.frombuffer(path.read_bytes(), dtype=">u2", offset=tile[0].offset, count=3 * image.width * image.height)
    white = _white(image)
    scaled = (values.astype(np.uint32) * 65535 + white // 2) // white
    pixels: NDArray[np.uint16] = np.minimum(scaled, 65535).astype(np.uint16)
    return pixels.reshape(image.height, image.width, 3)


def encode_ppm(array: NDArray[Any]) -> bytes:
    """A PGM or PPM of pixels uint16, (H, W, 1 or 3).

    >>> encode_ppm(np.zeros((2, 3, 1), np.uint16))[:14]
    b'P5 3 2 65535\\n\\x00'
    """
    height, width, channels = array.shape
    return b"P%d %d %d 65535\n" % (5 if channels == 1 else 6, width, height) + array.astype(">u2").tobytes()


def _white(image: Image.Image) -> int:
    """The number that stands for white; Pillow's decoder is told it unless it is 255."""
    tile: Any = getattr(image, "tile", None)
    arguments = tile[0].args
    return int(arguments[1]) if tile[0].codec_name.startswith("ppm") else 255
