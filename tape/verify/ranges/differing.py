"""Which of two gradients the differences of a function's values bear out.

Torch's derivative in float64 judges the others, and is itself wrong where its rule loses what its value keeps: a
logarithm of a cotangent, say, that is added to a number of 1e17. Its values are the last word then.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["bear_out"]

_STEP = 1e-4  # of each number
_CLOSE = 0.01
_APART = 0.1


def bear_out(
    f: Callable[[list[Tensor]], Tensor], x: Sequence[Tensor], gradients: Sequence[Tensor], others: Sequence[Tensor]
) -> bool:
    """Whether `gradients` agree with the slopes of `f` at `x`, and `others` do not.

    Slopes are taken along the numbers themselves, and with some signs of theirs changed; where those from both sides
    differ, there is a kink, which says nothing.

    >>> x = [torch.tensor([1.0, 2.0], dtype=torch.float64)]
    >>> right, wrong = [torch.tensor([2.0, 4.0])], [torch.tensor([2.0, 5.0])]
    >>> def f(x):
    ...     return (x[0] * x[0]).sum()
    >>> bear_out(f, x, right, wrong), bear_out(f, x, wrong, right)
    (True, False)
    """
    if not all(g.isfinite().all() for g in gradients):
        return False
    tolerance = max([_CLOSE, *(4 * torch.finfo(g.dtype).eps for g in gradients)])
    refuted = False
    for along in _directions(x):
        before, at, after = (float(f([p + h * d for p, d in zip(x, along, strict=True)])) for h in (-_STEP, 0.0, _STEP))
        left, right = (at - before) / _STEP, (after - at) / _STEP
        slope = (left + right) / 2
        size = sum(float((g.to(torch.float64) * d).abs().sum()) for g, d in zip(gradients, along, strict=True))
        if not abs(left - right) <= _CLOSE * size:
            continue
        if not abs(slope - _slope(gradients, along)) <= tolerance * size:
            return False
        refuted = refuted or not abs(slope - _slope(others, along)) <= _APART * size
    return refuted


def _directions(x: Sequence[Tensor]) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    mixed = [[(2.0 * torch.randint(0, 2, p.shape, generator=generator) - 1.0) * p for p in x] for _ in range(3)]
    return [list(x), *mixed]


def _slope(gradients: Sequence[Tensor], along: Sequence[Tensor]) -> float:
    return sum(float((g.to(torch.float64) * d).sum()) for g, d in zip(gradients, along, strict=True))
