"""A program that spoils memory when it is given away, so that whoever still reads it is seen in the results."""

import math
from dataclasses import replace
from typing import Any

import torch

from tape.compiling.line import Line, Operation, View
from tape.compiling.planning import lifetimes

__all__ = ["poisoned"]


def poisoned(line: Line) -> Line:
    """The program, which fills each buffer that it made with NaN, or a dtype's largest number, after its last use.

    No buffer opens between a last use and the filling, so that the plan of the memory stays the same. Where the results
    do too, no operation reads what was given away.

    >>> import tape, torch
    >>> line = tape.compile(lambda x: x.sin().sum()).program(torch.zeros(3)).line
    >>> print(poisoned(line))  # doctest: +ELLIPSIS
    %1 float32[3] = aten.sin.default(%0 float32[3])...
    %2 float32[] = aten.sum.default(%1 float32[3])...
    changes aten.fill_.Scalar(%1 float32[3], nan)
    returns %2 float32[]
    """
    dtypes = {view.buffer: view.dtype for operation in line.operations for view in operation.made}
    spoilt: list[list[Operation]] = [[] for _ in line.operations]
    for life in lifetimes(line, dtypes):
        if life.closes < len(line.operations):
            spoilt[life.closes].append(_filling(life.buffer, life.bytes, dtypes[life.buffer]))
    pairs = zip(line.operations, spoilt, strict=True)
    return replace(line, operations=tuple(part for operation, fills in pairs for part in (operation, *fills)))


def _filling(buffer: int, size: int, dtype: torch.dtype) -> Operation:
    whole = View(buffer, (size // dtype.itemsize,), (1,), 0, dtype)
    fill = torch.ops.aten.fill_.Scalar
    return Operation(fill, (whole, _poison(dtype)), {}, (whole,), frozenset({buffer}), None)


def _poison(dtype: torch.dtype) -> Any:
    if dtype.is_floating_point or dtype.is_complex:
        return math.nan
    return True if dtype is torch.bool else torch.iinfo(dtype).max
