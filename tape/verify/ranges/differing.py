"""Whether the values of a function refute its gradient.

Torch's derivative in float64 judges the others, and is itself wrong where its rule loses what its value keeps: a
logarithm of a cotangent, say, that is added to a number of 1e17.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["is_refuted"]

_STEP = 1e-4  # of each number
_SMOOTH = 1e-3
_CLOSE = 1e-5
_APART = 1e-4
_UNIT = torch.finfo(torch.float64).eps

Parts = Callable[[Sequence[Tensor]], list[Tensor]]


def is_refuted(gradients: Sequence[Tensor], others: Sequence[Tensor], f: Parts, x: Sequence[Tensor]) -> bool:
    """Whether the sum of all that `f` gives at `x` has the slope of `others`, and not that of `gradients`.

    Everything is in float64. Slopes are taken along the numbers themselves, and with some signs of theirs changed;
    where those from both sides differ, there is a kink, which says nothing. Gradients that differ by less than any
    value would show are no judges of each other: those are refuted too.

    >>> x = [torch.tensor([1.0, 2.0], dtype=torch.float64)]
    >>> right, wrong = [2 * x[0]], [3 * x[0]]
    >>> def squares(x):
    ...     return [x[0] * x[0]]
    >>> is_refuted(wrong, right, squares, x), is_refuted(right, wrong, squares, x), is_refuted(right, right, squares, x)
    (True, False, False)
    """
    if all(torch.allclose(g, o, rtol=1e-6, atol=0, equal_nan=True) for g, o in zip(gradients, others, strict=True)):
        return False
    if not all(o.isfinite().all() for o in others):
        return False
    shown = sum(float(((g - o) * p).abs().sum()) for g, o, p in zip(gradients, others, x, strict=True))
    if shown <= _UNIT * sum(float(part.abs().sum()) for part in f(x)):
        return True
    refuted = False
    for along in _directions(x):
        before, at, after = (
            sum(float(part.sum()) for part in f([p + h * d for p, d in zip(x, along, strict=True)]))
            for h in (-_STEP, 0.0, _STEP)
        )
        left, right = (at - before) / _STEP, (after - at) / _STEP
        slope = (left + right) / 2
        size = sum(float((o * d).abs().sum()) for o, d in zip(others, along, strict=True))
        if not abs(left - right) <= _SMOOTH * size:
            continue
        if not abs(slope - _slope(others, along)) <= _CLOSE * size:
            return False
        refuted = refuted or not abs(slope - _slope(gradients, along)) <= _APART * size
    return refuted


def _directions(x: Sequence[Tensor]) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    mixed = [[(2.0 * torch.randint(0, 2, p.shape, generator=generator) - 1.0) * p for p in x] for _ in range(3)]
    return [list(x), *mixed]


def _slope(gradients: Sequence[Tensor], along: Sequence[Tensor]) -> float:
    return sum(float((g * d).sum()) for g, d in zip(gradients, along, strict=True))
