"""Small things that tests of primitives need."""

from collections import namedtuple
from typing import Any

from tape import primitive

Halves = namedtuple("Halves", ["left", "right"])


def product() -> Any:
    @primitive
    def product(x: Any, y: Any, *, scale: float = 1.0) -> Any:
        return x * y * scale

    return product
