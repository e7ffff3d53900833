"""What tests of tape share."""

import linecache
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest
import torch

import nn
import tape


@pytest.fixture
def from_source() -> Callable[[str], Callable[..., Any]]:
    """Gives the function `f` that a file model.py with some text would define; its lines can be looked up."""

    def defined(text: str) -> Callable[..., Any]:
        lines = dedent(text).strip().splitlines(keepends=True)
        linecache.cache["model.py"] = (len(text), None, lines, "model.py")
        scope: dict[str, Any] = {"torch": torch, "tape": tape, "nn": nn}
        exec(compile("".join(lines), "model.py", "exec"), scope)
        f: Callable[..., Any] = scope["f"]
        return f

    return defined
