"""TIFF files of 16 bits per channel, with what they say of the picture."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from n2n.errors import InputError

__all__ = ["DESCRIPTIVE", "decode_tiff", "encode_tiff", "exif_with_xmp", "is_deep_tiff"]

BITS, PHOTOMETRIC, EXTRA_SAMPLES, XMP = 258, 262, 338, 700
IN_WORDS = (270, 271, 272, 305, 306, 315, 33432)  # description, make, model, software, date, artist, copyright
# A TIFF's tags mix what describes the picture with how its bytes lie; only these still hold of a new file.
DESCRIPTIVE = (*IN_WORDS, 34665, 34853)  # and EXIF and GPS


def is_deep_tiff(image: Image.Image) -> bool:
    """Whether an opened picture is a TIFF of more than 8 bits per channel."""
    return image.format == "TIFF" and max(getattr(image, "tag_v2", {}).get(BITS, (1,))) > 8


def decode_tiff(image: Image.Image, path: Path) -> NDArray[Any]:
    """The pixels of a deep TIFF, opened from `path`: uint16 (H, W, 1 to 4), alpha last, with all their bits.

    Raises InputError for other numbers than 16-bit ones and other colours than grey and RGB.
    """
    tags: Any = getattr(image, "tag_v2", {})
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        array = page.asarray()
        if page.axes == "SYX":
            array = np.moveaxis(array, 0, -1)
    array = array if array.ndim == 3 else array[..., None]
    if array.dtype != np.uint16 or array.shape[2] > 4 or tags.get(PHOTOMETRIC) not in (0, 1, 2):
        raise InputError(f"{path} is a TIFF of {array.dtype} numbers or odd channels: save it as 16-bit RGB or grey")
    if tags.get(PHOTOMETRIC) == 0:  # white is zero
        array = 65535 - array
    if array.shape[2] in (2, 4) and tags.get(EXTRA_SAMPLES) == (1,):  # colours are stored times alpha
        colours = array[..., :-1] * (65535.0 / np.maximum(array[..., -1:], 1))
        array[..., :-1] = np.minimum(np.rint(colours), 65535).astype(np.uint16)
    return np.asarray(array)


def encode_tiff(
    array: NDArray[Any],
    exif: bytes = b"",
    icc: bytes = b"",
    dpi: tuple[float, float] | None = None,
    xmp: bytes = b"",
) -> bytes:
    """A TIFF of pixels uint16, (H, W, 1, 3 or 4), with profile, resolution, XMP, and what EXIF says in words."""
    tags = Image.Exif()
    tags.load(exif)
    words = [(tag, "s", 0, tags[tag], True) for tag in IN_WORDS if isinstance(tags.get(tag), str)]
    noted = [(XMP, "B", len(xmp), xmp, True)] if xmp else []
    data = io.BytesIO()
    tifffile.imwrite(
        data,
        array if array.shape[2] > 1 else array[..., 0],
        photometric="rgb" if array.shape[2] > 1 else "minisblack",
        extrasamples=["unassalpha"] if array.shape[2] == 4 else None,
        iccprofile=icc or None,
        resolution=dpi,
        resolutionunit="INCH" if dpi else None,
        extratags=[*words, *noted],
        software=False,
        metadata=None,
    )
    return data.getvalue()


def exif_with_xmp(exif: bytes, xmp: bytes) -> bytes:
    """EXIF with XMP as one of its tags, as a TIFF has it."""
    tags = Image.Exif()
    tags.load(exif)
    tags[XMP] = xmp
    return tags.tobytes()
