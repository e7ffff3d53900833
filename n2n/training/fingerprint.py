"""Whether a run's pictures are those that it was begun with: going on with others would end in other parameters."""

import hashlib
import os

from n2n.training.own_pictures import own_files
from n2n.training.settings import Settings

__all__ = ["fingerprint"]

BLOCKS, BLOCK = 16, 4096  # of a file, enough to tell whether it was made anew, few enough for files of any size


def fingerprint(settings: Settings) -> dict[str, object]:
    """How many files a run's pictures are, and a digest of their names, their sizes and some bytes of each.

    >>> fingerprint(Settings())["files"]
    0
    """
    digest = hashlib.sha256()
    files = sorted(own_files(settings))
    for path in files:
        size = path.stat().st_size
        digest.update(os.fsencode(f"{path.name} {size}\n"))
        with path.open("rb") as file:
            for number in range(BLOCKS):
                file.seek(size * number // BLOCKS)
                digest.update(file.read(BLOCK))
    return {"files": len(files), "digest": digest.hexdigest()}
