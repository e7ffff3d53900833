"""Files that appear whole or not at all."""

import os
from pathlib import Path

from n2n.errors import InputError

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file beside its place and renames it, so that a failure leaves an earlier file as it was.

    Raises InputError, which says so, where the disk is full or may not be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        kept = "; the file that is there is unchanged" if path.exists() else ""
        raise InputError(f"{path} could not be written: {error.strerror}{kept}") from error
