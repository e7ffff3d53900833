"""Files and folders that appear whole or not at all, whenever the process ends."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from n2n.errors import InputError

__all__ = ["make_folder", "remove_partial", "whole_folder", "write_whole"]


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
        with suppress(OSError):  # where there is no folder, there is no partial file
            partial.unlink()
        kept = "; the file that is there is unchanged" if path.exists() else ""
        raise InputError(f"{path} could not be written: {error.strerror}{kept}") from error
    except KeyboardInterrupt:
        partial.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Raises InputError where there cannot be a folder, or nothing may be written to it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be made: {error.strerror}; give another --out") from None
    if not os.access(path, os.W_OK):
        raise InputError(f"{path} may not be written to: give another --out")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder beside its place, to be filled inside the context; then it takes the place of what is there.

    Raises InputError where no folder can be made; an earlier folder is then as it was.
    """
    path = path.resolve()
    fresh, replaced = (path.with_name(f".{path.name}.{what}") for what in ("partial", "replaced"))
    for left_by_a_kill in (fresh, replaced):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        yield fresh
        if path.exists():
            path.rename(replaced)
        fresh.rename(path)
    except OSError as error:
        raise InputError(f"{path} cannot be made: {error.strerror}; give another --out") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(replaced, ignore_errors=True)


def remove_partial(folder: Path) -> None:
    """Removes what a process that was killed while it wrote a file of the folder has left there."""
    for partial in folder.rglob(".*.partial"):
        partial.unlink()
