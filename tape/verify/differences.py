"""Derivatives by differences in float64, the judge of every rule.

Each difference is the central one of fourth order, on points at distance h and 2h: its error is some 1e-12
where the function is smooth. Near a kink that nobody can declare, inside a composite, it is of no use, but a
smaller step keeps clear of the kink. So a derivative agrees if it agrees with the difference at one of three
steps; a wrong one disagrees with all of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["STEPS", "difference", "inner", "signs"]

STEPS = (1e-4, 1e-6, 1e-7)


def difference(
    f: Callable[..., Sequence[Any]], inputs: Sequence[Tensor], direction: Sequence[Tensor], step: float
) -> list[Any]:
    """The derivative of each of `f`'s floating-point outputs along a direction; None for the others."""

    def moved(by: float) -> Sequence[Any]:
        return f(*[x + by * d for x, d in zip(inputs, direction, strict=True)])

    points = (moved(step), moved(-step), moved(2 * step), moved(-2 * step))
    return [
        (8 * (a - b) - (c - d)) / (12 * step) if isinstance(a, Tensor) and a.is_floating_point() else None
        for a, b, c, d in zip(*points, strict=True)
    ]


def inner(values: Sequence[Any], cotangents: Sequence[Any]) -> Tensor:
    """The sum of all products; what has no cotangent does not count."""
    total = torch.zeros((), dtype=torch.float64)
    for value, cotangent in zip(values, cotangents, strict=True):
        if value is not None and cotangent is not None:
            total = total + (value * cotangent).sum()
    return total


def signs(like: Sequence[Any], generator: torch.Generator) -> list[Any]:
    """Entries of 1 and -1 at random. No entry of a Jacobian hides from such a projection by being one of many."""
    return [
        2.0 * torch.randint(0, 2, x.shape, generator=generator).to(x) - 1
        if isinstance(x, Tensor) and x.is_floating_point()
        else None
        for x in like
    ]
