"""How sizes are written, and what images are."""

from collections.abc import Sequence

from torch import Tensor

__all__ = ["Pair", "check_images", "pair"]

Pair = int | Sequence[int]


def pair(value: Pair, name: str = "size", at_least: int | None = None) -> tuple[int, int]:
    """One number for both dimensions, or two as (height, width).

    >>> pair(3), pair([1, 2])
    ((3, 3), (1, 2))
    """
    numbers = (value,) if isinstance(value, int) else tuple(value)
    if len(numbers) not in (1, 2):
        raise ValueError(f"{name} must be one integer or (height, width), not {numbers}")
    if at_least is not None and min(numbers) < at_least:
        raise ValueError(f"{name} must be at least {at_least}, not {value}")
    return numbers[0], numbers[-1]


def check_images(name: str, input: Tensor) -> None:
    """Raises a ValueError unless `input` is (N, C, H, W)."""
    if input.ndim != 4:
        raise ValueError(f"{name}: images are (N, C, H, W), not {tuple(input.shape)}")
