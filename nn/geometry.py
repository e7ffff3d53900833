"""How sizes are written."""

from collections.abc import Sequence

__all__ = ["Pair", "pair"]

Pair = int | Sequence[int]


def pair(value: Pair, name: str = "size") -> tuple[int, int]:
    """One number for both dimensions, or two as (height, width).

    >>> pair(3), pair([1, 2])
    ((3, 3), (1, 2))
    """
    if isinstance(value, int):
        return value, value
    if len(value) == 1:
        return value[0], value[0]
    if len(value) != 2:
        raise ValueError(f"{name} must be one integer or (height, width), not {tuple(value)}")
    return value[0], value[1]
