"""The picture files of a folder."""

import os
from pathlib import Path

from n2n.errors import InputError
from n2n.images.formats import FORMATS, known_suffixes

__all__ = ["list_images"]


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
        if path.suffix.lower() in FORMATS and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise InputError(f"{folder} has no pictures in it ({known_suffixes()})")
    return paths
