"""The formats of pictures that are read and written, by the suffixes of their files."""

__all__ = ["FORMATS", "known_suffixes"]

FORMATS = {
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


def known_suffixes() -> str:
    """The suffixes in words, to end an error message with."""
    return "known: " + " ".join(sorted(FORMATS))
