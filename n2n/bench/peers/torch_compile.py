"""What torch.compile needs to take part on a CPU: a C++ compiler that works, and nothing left over from before."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["afresh", "hindrance"]

CACHE = "TORCHINDUCTOR_CACHE_DIR"


def hindrance() -> str:
    """Why torch.compile cannot compile for the CPU here; empty if it can."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)
    if shutil.which(compiler) is None:
        return f"there is no C++ compiler {compiler}"
    try:
        with afresh():
            torch.compile(torch.sin)(torch.ones(8))
    except RuntimeError as error:
        lines = str(error).splitlines()
        return f"its C++ compiler {compiler} fails ({lines[0] if lines else type(error).__name__})"
    return ""


@contextmanager
def afresh() -> Iterator[None]:
    """Has torch.compile compile all again: what an earlier run left on the disk would make its time look short."""
    before = os.environ.get(CACHE)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        os.environ[CACHE] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[CACHE]
            else:
                os.environ[CACHE] = before
