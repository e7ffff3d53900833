"""What mistakes are made with."""

from collections.abc import Callable
from typing import Any

import torch

X = torch.tensor([0.5, -1.0, 2.0])


def tripled(x: Any, by: float = 3.0, *, mode: Any = None) -> Any:
    return x * by


Case = tuple[Callable[[], Any], str]
"""A mistake, and what is said of it."""
