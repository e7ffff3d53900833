"""Writing a picture to a file, in the format that the file's name says."""

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from n2n.errors import InputError
from n2n.images.files import write_whole
from n2n.images.formats import FORMATS, known_suffixes
from n2n.images.picture import Picture
from n2n.images.png import encode_png, xmp_chunk
from n2n.images.ppm import encode_ppm
from n2n.images.tiff import encode_tiff, exif_with_xmp

__all__ = ["refuse_unwritable", "write_image"]


def write_image(path: str | os.PathLike[str], picture: Picture) -> None:
    """Writes `picture` in the format that the name's suffix says, with its depth, alpha and metadata.

    Pixels are clamped to [0, 1] and rounded. The file appears whole or not at all: it is written beside its
    place and renamed, so a full disk leaves an earlier file as it was. A TIFF of 16 bits keeps profile, XMP and
    resolution, and of EXIF what is said in words (description, make, model, software, date, artist, copyright), not
    exposure or place; BMP, PGM and PPM know no metadata. Raises `InputError` for a suffix that is not known, a
    picture that the format cannot hold (16 bits in a JPEG, alpha in a JPEG or BMP), or a failed write.
    """
    path = Path(path)
    write_whole(path, _encode(path, picture))


def refuse_unwritable(path: str | os.PathLike[str], picture: Picture) -> None:
    """Raises the `InputError` of `write_image` for a name whose format cannot hold the picture; writes nothing."""
    alpha = None if picture.alpha is None else picture.alpha[:1, :1]
    _encode(Path(path), replace(picture, pixels=picture.pixels[:, :1, :1], alpha=alpha))


def _encode(path: Path, picture: Picture) -> bytes:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: its suffix names no picture format ({known_suffixes()})")
    if not picture.pixels.isfinite().all():
        raise ValueError("the picture holds numbers that are not finite")
    planes = picture.pixels if picture.alpha is None else torch.cat([picture.pixels, picture.alpha[None]])
    if picture.alpha is not None and kind in ("BMP", "JPEG", "PPM"):
        raise InputError(f"{path}: {kind} holds no transparency: choose .png or .tiff")
    most = 2**picture.depth - 1
    rounded = planes.detach().cpu().clamp(0, 1).mul(most).add_(0.5).permute(1, 2, 0)
    array = rounded.numpy().astype(np.uint16 if picture.depth == 16 else np.uint8)
    if picture.depth == 16:
        return _encode_deep(path, kind, array, picture)
    data = io.BytesIO()
    image = Image.fromarray(array if array.shape[2] > 1 else array[..., 0])
    try:
        image.save(data, format=kind, **_options(kind, picture))
    except (ValueError, OSError) as error:  # metadata too long, or too many pixels
        raise InputError(f"{path} cannot be written as {kind} ({error}): choose .png") from None
    return data.getvalue()


def _encode_deep(path: Path, kind: str, array: NDArray[Any], picture: Picture) -> bytes:
    array = np.ascontiguousarray(array)
    match kind:
        case "PNG":
            return encode_png(array, picture.exif, picture.icc, picture.dpi, picture.xmp)
        case "TIFF" if array.shape[2] != 2:  # of which few programs know what to make
            return encode_tiff(array, picture.exif, picture.icc, picture.dpi, picture.xmp)
        case "PPM":
            return encode_ppm(array)
        case _:
            raise InputError(f"{path}: 16 bits of this picture cannot be written as {kind}: choose .png")


def _options(kind: str, picture: Picture) -> dict[str, Any]:
    """What the format can say of the picture, and how to lose least where it is lossy."""
    options: dict[str, Any] = {}
    if kind == "JPEG":
        options |= {"quality": 95, "subsampling": 0}
    if kind == "WEBP":
        options |= {"lossless": True, "exact": True}  # exact: also the colours of what is transparent
    if kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        options |= {"exif": picture.exif} if picture.exif else {}
        options |= {"icc_profile": picture.icc} if picture.icc else {}
    if picture.xmp:
        match kind:
            case "JPEG" | "WEBP":
                options |= {"xmp": picture.xmp}
            case "PNG":
                options |= {"pnginfo": xmp_chunk(picture.xmp)}
            case "TIFF":
                options |= {"exif": exif_with_xmp(picture.exif, picture.xmp)}
    if kind in ("JPEG", "PNG", "TIFF", "BMP") and picture.dpi:
        options |= {"dpi": picture.dpi}
    return options
