"""Pixels to write by other means than the package's."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def noise(*shape: int, most: int = 255) -> Array:
    return np.random.default_rng(sum(shape)).integers(0, most + 1, shape)
