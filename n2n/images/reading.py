"""Reading a picture file."""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from n2n.errors import InputError
from n2n.images.formats import FORMATS, known_suffixes
from n2n.images.picture import Picture
from n2n.images.png import decode_png, is_deep_png
from n2n.images.ppm import decode_ppm, is_deep_ppm
from n2n.images.tiff import DESCRIPTIVE, decode_tiff, is_deep_tiff

__all__ = ["read_image"]


def read_image(path: str | os.PathLike[str]) -> Picture:
    """Reads a BMP, JPEG, PNG, PGM, PPM, TIFF or WebP file.

    A rotation that the camera noted is applied to the pixels and taken out of the metadata. Palettes, CMYK
    and other colour spaces become RGB. Raises `InputError`, naming the file, for a file that is missing, cut
    off, no picture, an animation or stack, or that holds more than can be kept (floating point, 16-bit colour
    as text in a PPM).
    """
    path = Path(path)
    # Pillow warns of odd metadata and of pictures above 90 megapixels, which cameras do make; at twice that
    # it refuses by itself.
    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(path, formats=sorted(set(FORMATS.values()))) as image:
                return _picture(image, path)
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except IsADirectoryError:
            raise InputError(f"{path} is a folder where a picture is expected") from None
        except PermissionError:
            raise InputError(f"{path} may not be read: check its permissions") from None
        except UnidentifiedImageError:
            raise InputError(f"{path} is not a picture that can be read ({known_suffixes()})") from None
        except Image.DecompressionBombError:
            raise InputError(f"{path} has more than 178 million pixels: cut it into smaller ones") from None
        except MemoryError:
            raise InputError(f"{path} does not fit into memory: cut it into smaller pictures") from None
        except Exception as error:  # a damaged file can make a decoder raise anything
            raise InputError(f"{path} is damaged or cut off ({error}): restore it or remove it") from error


def _picture(image: Image.Image, path: Path) -> Picture:
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # an MPO's others are previews
        raise InputError(f"{path} holds several pictures: save each as a file of its own")
    array = _deep_array(image, path)
    if array is None:
        array = _array(image, path)
    depth = 16 if array.dtype == np.uint16 else 8
    values = torch.from_numpy(array.astype(np.float32)).div_(2**depth - 1).permute(2, 0, 1)
    orientation, exif = _exif(image)
    values = _upright(values, orientation).contiguous()
    colours = 1 if array.shape[2] < 3 else 3
    dpi = image.info.get("dpi")
    return Picture(
        pixels=values[:colours],
        alpha=values[colours] if values.shape[0] > colours else None,
        depth=depth,
        exif=exif,
        icc=image.info.get("icc_profile") or b"" if image.mode not in ("CMYK", "LAB") else b"",
        xmp=_xmp(image),
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
    )


def _deep_array(image: Image.Image, path: Path) -> NDArray[Any] | None:
    """(H, W, channels), uint16, of a picture of which Pillow would hand on 8 of 16 bits; None of any other."""
    if is_deep_tiff(image):
        return decode_tiff(image, path)
    if image.format == "PNG":
        data = path.read_bytes()
        return decode_png(data) if is_deep_png(data) else None
    if is_deep_ppm(image):
        return decode_ppm(image, path)
    return None


def _array(image: Image.Image, path: Path) -> NDArray[Any]:
    """(H, W, channels), uint8 or uint16."""
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)[..., None]
    if image.mode == "F":
        raise InputError(f"{path} holds floating-point numbers: save it with 8 or 16 bits per channel")
    grey = image.mode in ("1", "L", "LA", "La")
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    array = np.asarray(image.convert(mode))
    return array if array.ndim == 3 else array[..., None]


ORIENTATION = 274  # the tag of EXIF that says how the camera was held


def _exif(image: Image.Image) -> tuple[int, bytes]:
    """How the camera was held (1 to 8), and the metadata without that note."""
    try:
        exif = image.getexif()
        orientation = int(exif.pop(ORIENTATION, 1))
        if image.format == "TIFF":
            for tag in set(exif) - set(DESCRIPTIVE):
                del exif[tag]
        return orientation, exif.tobytes() if len(exif) else b""
    except Exception:  # damaged metadata does not make the picture unusable
        return 1, b""


def _xmp(image: Image.Image) -> bytes:
    """What programs noted beside EXIF, such as ratings and keywords, with the camera held upright."""
    found = image.info.get("xmp") or b""
    packet = found.encode() if isinstance(found, str) else bytes(found)
    return re.sub(rb'(tiff:Orientation(?:="|>))[2-8]', rb"\g<1>1", packet)


def _upright(values: Tensor, orientation: int) -> Tensor:
    if orientation >= 5:
        values = values.transpose(-1, -2)
    mirrored = {2: (-1,), 3: (-1, -2), 4: (-2,), 6: (-1,), 7: (-1, -2), 8: (-2,)}.get(orientation)
    return values.flip(mirrored) if mirrored else values
