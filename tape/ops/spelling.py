"""How torch lets people write a list of dimensions or sizes."""

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

__all__ = ["as_tuple", "axes", "axis", "dims", "varargs"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def varargs(function: _Function) -> _Function:
    """The function with its second argument, a sequence of integers, also as arguments of their own.

    >>> varargs(lambda x, size: size)("x", 2, 3)
    (2, 3)
    """

    @functools.wraps(function)
    def spread(x: Any, *args: Any, **kwargs: Any) -> Any:
        integers = 0
        while integers < len(args) and type(args[integers]) is int:
            integers += 1
        if integers > 1:
            args = (args[:integers], *args[integers:])
        return function(x, *args, **kwargs)

    return spread  # type: ignore[return-value]


def as_tuple(x: int | Sequence[int]) -> tuple[int, ...]:
    """One integer or several, as a tuple."""
    return (x,) if isinstance(x, int) else tuple(x)


def axis(dim: int, rank: int) -> int:
    """A dimension counted from 0. A 0-d tensor counts as one of rank 1 here, as in torch.

    >>> axis(-1, 3)
    2
    """
    rank = max(rank, 1)
    if not -rank <= dim < rank:
        raise IndexError(f"dimension {dim} is out of range: it must be between {-rank} and {rank - 1}")
    return dim % rank


def dims(dim: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """The dimensions that a reduction's `dim` names, counted from 0; all of them for None and for ().

    >>> dims(-1, 3), dims((), 3)
    ((2,), (0, 1, 2))
    """
    chosen = (dim,) if isinstance(dim, int) else tuple(dim or range(rank))
    return tuple(sorted(d % rank for d in chosen)) if rank else ()


def axes(dim: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """`dims`, with an error for what is out of range or named twice.

    >>> axes((0, -1), 3)
    (0, 2)
    """
    chosen = (dim,) if isinstance(dim, int) else tuple(dim or range(rank))
    found = sorted(axis(d, rank) for d in chosen)
    for one, other in pairwise(found):
        if one == other:
            raise RuntimeError(f"dim {one} appears multiple times in the list of dims {tuple(chosen)}")
    return tuple(found) if rank else ()
