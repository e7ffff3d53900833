"""Pictures on disk: read as float tensors, written back as they came.

A file is read whole or refused: never half a picture, never 16 bits cut to 8. Pillow does that to colours, which
other decoders therefore read and write.
"""

import io
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from n2n.errors import InputError
from n2n.files import write_whole
from n2n.png import decode_png, encode_png, is_deep_png

SUFFIXES = {
    ".bmp": "BMP",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".pgm": "PPM",
    ".png": "PNG",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and what is needed to write it back as it came.

    `pixels` is float32 (C, H, W) in [0, 1], upright, C being 1 (grey) or 3 (RGB); `alpha`, float32 (H, W), is
    None for a picture without transparency. `depth` is the bits per channel on disk, 8 or 16. `exif` and
    `icc` are the file's own bytes, empty if it has none, and `dpi` its resolution.
    """

    pixels: Tensor
    alpha: Tensor | None = None
    depth: int = 8
    exif: bytes = b""
    icc: bytes = b""
    dpi: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[0] not in (1, 3) or self.pixels.numel() == 0:
            raise ValueError(f"pixels are (1 or 3, H, W), not {tuple(self.pixels.shape)}")
        if self.alpha is not None and self.alpha.shape != self.pixels.shape[1:]:
            raise ValueError(f"alpha is {tuple(self.alpha.shape)} and the pixels are {tuple(self.pixels.shape[1:])}")
        if self.depth not in (8, 16):
            raise ValueError(f"depth is 8 or 16 bits, not {self.depth}")


def read_image(path: str | os.PathLike[str]) -> Picture:
    """Reads a BMP, JPEG, PNG, PGM, PPM, TIFF or WebP file.

    A rotation that the camera noted in EXIF is applied to the pixels and taken out of `exif`. Palettes, CMYK
    and other colour spaces become RGB. Raises `InputError`, naming the file, for a file that is missing, cut
    off, no picture, an animation or stack, or that holds more than can be kept (floating point, 16-bit colour
    as text in a PPM).
    """
    path = Path(path)
    # Pillow warns of odd metadata and of pictures above 90 megapixels, which cameras do make; at twice that
    # it refuses by itself.
    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(path, formats=sorted(set(SUFFIXES.values()))) as image:
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
            raise InputError(f"{path} is not a picture that can be read ({_known()})") from None
        except Image.DecompressionBombError:
            raise InputError(f"{path} has more than 178 million pixels: cut it into smaller ones") from None
        except MemoryError:
            raise InputError(f"{path} does not fit into memory: cut it into smaller pictures") from None
        except Exception as error:  # a damaged file can make a decoder raise anything
            raise InputError(f"{path} is damaged or cut off ({error}): restore it or remove it") from error


def write_image(path: str | os.PathLike[str], picture: Picture) -> None:
    """Writes `picture` in the format that the name's suffix says, with its depth, alpha and metadata.

    Pixels are clamped to [0, 1] and rounded. The file appears whole or not at all: it is written beside its
    place and renamed, so a full disk leaves an earlier file as it was. A TIFF of 16 bits keeps profile and
    resolution, and of EXIF what is said in words (description, make, model, software, date, artist, copyright), not
    exposure or place; BMP, PGM and PPM know no metadata. Raises `InputError` for a suffix that is not known, a
    picture that the format cannot hold (16 bits or alpha in a JPEG), or a failed write.
    """
    path = Path(path)
    write_whole(path, _encode(path, picture))


def refuse_unwritable(path: str | os.PathLike[str], picture: Picture) -> None:
    """Raises the `InputError` of `write_image` for a name whose format cannot hold the picture; writes nothing."""
    alpha = None if picture.alpha is None else picture.alpha[:1, :1]
    _encode(Path(path), replace(picture, pixels=picture.pixels[:, :1, :1], alpha=alpha))


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """The picture files that lie in `folder` itself, by suffix, sorted by name; hidden files are left out.

    Raises `InputError` where there is no such folder or no picture in it.
    """
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file where a folder of pictures is expected")
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise InputError(f"{folder} has no pictures in it ({_known()})")
    return paths


def _known() -> str:
    return "known: " + " ".join(sorted(SUFFIXES))


# Reading ----------------------------------------------------------------------------------------------------

_ORIENTATION, _BITS, _PHOTOMETRIC, _EXTRA_SAMPLES = 274, 258, 262, 338
# A TIFF's tags mix what describes the picture with how its bytes lie; only these still hold of a new file:
# description, make, model, software, date, artist, copyright, EXIF and GPS.
_IN_WORDS = (270, 271, 272, 305, 306, 315, 33432)
_DESCRIPTIVE = (*_IN_WORDS, 34665, 34853)


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
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
    )


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


def _deep_array(image: Image.Image, path: Path) -> NDArray[Any] | None:
    """(H, W, channels), uint16, of a picture of which Pillow would hand on 8 of 16 bits; None of any other."""
    if _is_deep_tiff(image):
        return _tiff_array(image, path)
    if image.format == "PNG":
        data = path.read_bytes()
        return decode_png(data) if is_deep_png(data) else None
    if image.format == "PPM" and image.mode == "RGB" and _ppm_white(image) > 255:
        return _ppm_array(image, path)
    return None


def _ppm_white(image: Image.Image) -> int:
    """The number that stands for white; Pillow's decoder is told it unless it is 255."""
    tile: Any = getattr(image, "tile", None)
    arguments = tile[0].args
    return int(arguments[1]) if tile[0].codec_name.startswith("ppm") else 255


def _ppm_array(image: Image.Image, path: Path) -> NDArray[np.uint16]:
    """(H, W, 3), white being 65535, of a PPM whose white is another number above 255."""
    tile: Any = getattr(image, "tile", None)
    if tile[0].codec_name == "ppm_plain":
        raise InputError(f"{path} has 16-bit colour written as text: save it as a binary .ppm, .png or .tiff")
    values = np.frombuffer(path.read_bytes(), dtype=">u2", offset=tile[0].offset, count=3 * image.width * image.height)
    white = _ppm_white(image)
    scaled = (values.astype(np.uint32) * 65535 + white // 2) // white
    pixels: NDArray[np.uint16] = np.minimum(scaled, 65535).astype(np.uint16)
    return pixels.reshape(image.height, image.width, 3)


def _is_deep_tiff(image: Image.Image) -> bool:
    return image.format == "TIFF" and max(getattr(image, "tag_v2", {}).get(_BITS, (1,))) > 8


def _tiff_array(image: Image.Image, path: Path) -> NDArray[Any]:
    """(H, W, channels), uint16, with all the bits of a deep TIFF."""
    tags: Any = getattr(image, "tag_v2", {})
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        array = page.asarray()
        if page.axes == "SYX":
            array = np.moveaxis(array, 0, -1)
    array = array if array.ndim == 3 else array[..., None]
    if array.dtype != np.uint16 or array.shape[2] > 4 or tags.get(_PHOTOMETRIC) not in (0, 1, 2):
        raise InputError(f"{path} is a TIFF of {array.dtype} numbers or odd channels: save it as 16-bit RGB or grey")
    if tags.get(_PHOTOMETRIC) == 0:  # white is zero
        array = 65535 - array
    if array.shape[2] in (2, 4) and tags.get(_EXTRA_SAMPLES) == (1,):  # colours are stored times alpha
        colours = array[..., :-1] * (65535.0 / np.maximum(array[..., -1:], 1))
        array[..., :-1] = np.minimum(np.rint(colours), 65535).astype(np.uint16)
    return np.asarray(array)


def _exif(image: Image.Image) -> tuple[int, bytes]:
    """How the camera was held (EXIF 1 to 8), and the metadata without that note."""
    try:
        exif = image.getexif()
        orientation = int(exif.pop(_ORIENTATION, 1))
        if image.format == "TIFF":
            for tag in set(exif) - set(_DESCRIPTIVE):
                del exif[tag]
        return orientation, exif.tobytes() if len(exif) else b""
    except Exception:  # damaged metadata does not make the picture unusable
        return 1, b""


def _upright(values: Tensor, orientation: int) -> Tensor:
    if orientation >= 5:
        values = values.transpose(-1, -2)
    mirrored = {2: (-1,), 3: (-1, -2), 4: (-2,), 6: (-1,), 7: (-1, -2), 8: (-2,)}.get(orientation)
    return values.flip(mirrored) if mirrored else values


# Writing ----------------------------------------------------------------------------------------------------


def _encode(path: Path, picture: Picture) -> bytes:
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: its suffix names no picture format ({_known()})")
    if not picture.pixels.isfinite().all():
        raise ValueError("the picture holds numbers that are not finite")
    planes = picture.pixels if picture.alpha is None else torch.cat([picture.pixels, picture.alpha[None]])
    if picture.alpha is not None and kind in ("JPEG", "PPM"):
        raise InputError(f"{path}: {kind} holds no transparency: choose .png or .tiff")
    most = 2**picture.depth - 1
    rounded = planes.detach().cpu().clamp(0, 1).mul(most).add_(0.5).permute(1, 2, 0)
    array = rounded.numpy().astype(np.uint16 if picture.depth == 16 else np.uint8)
    if picture.depth == 16:
        return _encode_deep(path, kind, array, picture)
    data = io.BytesIO()
    image = Image.fromarray(array if array.shape[2] > 1 else array[..., 0])
    image.save(data, format=kind, **_options(kind, picture))
    return data.getvalue()


def _encode_deep(path: Path, kind: str, array: NDArray[Any], picture: Picture) -> bytes:
    array = np.ascontiguousarray(array)
    height, width, channels = array.shape
    match kind:
        case "PNG":
            return encode_png(array, picture.exif, picture.icc, picture.dpi)
        case "TIFF" if channels != 2:  # of which few programs know what to make
            return _deep_tiff(array, picture)
        case "PPM":
            return b"P%d %d %d 65535\n" % (5 if channels == 1 else 6, width, height) + array.astype(">u2").tobytes()
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
    if kind in ("JPEG", "PNG", "TIFF", "BMP") and picture.dpi:
        options |= {"dpi": picture.dpi}
    return options


def _deep_tiff(array: NDArray[Any], picture: Picture) -> bytes:
    exif = Image.Exif()
    exif.load(picture.exif)
    words = [(tag, "s", 0, exif[tag], True) for tag in _IN_WORDS if isinstance(exif.get(tag), str)]
    data = io.BytesIO()
    tifffile.imwrite(
        data,
        array if array.shape[2] > 1 else array[..., 0],
        photometric="rgb" if array.shape[2] > 1 else "minisblack",
        extrasamples=["unassalpha"] if array.shape[2] == 4 else None,
        iccprofile=picture.icc or None,
        resolution=picture.dpi,
        resolutionunit="INCH" if picture.dpi else None,
        extratags=words,
        software=False,
        metadata=None,
    )
    return data.getvalue()
