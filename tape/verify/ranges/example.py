"""An example: one way to call a torch function, and how its numbers are to be drawn, as plain data."""

import math
from functools import partial
from typing import Any, NamedTuple

from tape.core.domain import Boolean, Integer, Real

__all__ = ["Example", "boolean", "call", "integer", "matrix", "positive", "real", "wide"]

# Numbers of any size and sign. `real` says the bounds of those that stay within them: probabilities, labels.
wide = partial(Real, low=-math.inf, high=math.inf)
positive = partial(Real, low=0.0, high=math.inf)
# A square matrix far from singular, whatever its scale.
matrix = partial(Real, low=-math.inf, high=math.inf, diagonal=4.0)
real, integer, boolean = Real, Integer, Boolean


class Example(NamedTuple):
    """A call of `function`, with a `Real`, `Integer` or `Boolean` where a tensor is drawn; shapes are numbers."""

    function: Any
    args: tuple[Any, ...]
    options: dict[str, Any]


def call(function: Any, *args: Any, **options: Any) -> Example:
    """An `Example` that reads as the call that it makes.

    >>> import torch
    >>> call(torch.sum, wide("4 6"), dim=1).options
    {'dim': 1}
    """
    return Example(function, args, options)
