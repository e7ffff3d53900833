"""Domains: what a primitive may be called with, as plain data to draw its inputs from."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Boolean", "Case", "Domain", "Integer", "Real", "Sizes", "boolean", "case", "integer", "real"]

Sizes = tuple[int, int]  # the smallest and the largest size of a dimension


@dataclass(frozen=True)
class Real:
    """A floating-point tensor.

    `shape` names its dimensions: "n k" is a matrix whose sizes are drawn, the same name having the same size
    everywhere in a case; a number is that size; "..." is any number of leading dimensions, drawn so that those
    of all arguments broadcast together. Entries lie between `low` and `high`, at a distance from each of
    `kinks`, and with `distinct` at a distance from each other. `diagonal` is added to the diagonal of the last two
    dimensions, so that a matrix is well-conditioned.
    """

    shape: str = "..."
    low: float = -2.0
    high: float = 2.0
    kinks: tuple[float, ...] = ()
    distinct: bool = False
    diagonal: float = 0.0


@dataclass(frozen=True)
class Integer:
    """A tensor of indices from -`below` (or 0) up to `below`, which is a number or the name of a dimension."""

    shape: str
    below: str | int
    negative: bool = False


@dataclass(frozen=True)
class Boolean:
    """A tensor of truth values."""

    shape: str = "..."


@dataclass(frozen=True)
class Case:
    """One way of calling: positional arguments, and for each option the values to choose from."""

    args: tuple[Any, ...]
    options: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    sizes: dict[str, Sizes] = field(default_factory=dict)


Domain = tuple[Case, ...]

real, integer, boolean = Real, Integer, Boolean


def case(*args: Any, sizes: dict[str, Sizes] | None = None, **options: Any) -> Case:
    """A `Case` with its options as keywords.

    >>> case(Real("a b"), dim=(0, 1, -1)).options
    {'dim': (0, 1, -1)}
    """
    return Case(args, options, sizes or {})
