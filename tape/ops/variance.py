"""What is left of numbers without their mean, their variance and standard deviation, in float32 for half precision.

Of equal numbers nothing may be left: the mean of their sum would differ from them by a rounding. What is squared is
divided by the largest first, because torch calculates in float64 here: squares of float32 numbers below 1e-23 are zero,
and those above 1e19 infinite. So is their mean's sum, of numbers near the largest.
"""

import math
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.ops.precision import in_float32
from tape.ops.spelling import axes

Dims = Any  # an integer, a sequence of them, or None

some = {"a": (2, 3), "b": (2, 3), "c": (1, 3)}


@op(case(real("a b c"), dim=((0,), (-1,), (0, 1), (0, 1, 2)), dtype=(None, torch.float64), sizes=some))
def centred(x: Tensor, *, dim: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
    """x less its mean over some dimensions, whose sum is of `dtype`. The map is its own transpose."""
    if not x.numel():
        return x - torch.mean(x, dim, keepdim=True)
    first = x
    for d in dim:
        first = first.narrow(d, 0, 1)
    rest = x - first
    return rest - torch.mean(rest, dim, keepdim=True, dtype=dtype).to(x.dtype)


centred.defvjp(x=lambda g, dim, dtype: centred(g, dim=dim, dtype=dtype))


def _mean_square(x: Tensor, dim: tuple[int, ...], divisor: float) -> tuple[Tensor, Tensor]:
    """The squares about the mean, added up and divided, in units of the square of a scale; and that scale."""
    rest = centred(x, dim=dim, dtype=torch.float64)
    if not x.numel():
        return torch.sum(rest, dim, keepdim=True) / divisor, torch.sum(rest, dim, keepdim=True)
    largest = torch.amax(torch.abs(rest), dim, keepdim=True)
    scale = torch.where(largest == 0, 1.0, largest)
    return torch.sum(torch.square(rest / scale), dim, keepdim=True) / divisor, scale


@op(case(real("a b c"), dim=((0,), (1,), (0, 1), (0, 1, 2)), divisor=(1.0, 2.5), sizes=some))
def variance(x: Tensor, *, dim: tuple[int, ...], divisor: float) -> Tensor:
    """The sum of the squares about the mean over `divisor`; the dimensions stay, at size 1."""
    mean, scale = _mean_square(x, dim, divisor)
    return mean * scale * scale


@op(
    case(real("a b c", distinct=True), dim=((0,), (1,), (0, 1), (0, 1, 2)), divisor=(1.0, 2.5), sizes=some).at(
        [[[2.0], [2.0]]], gives=[[[0.0], [0.0]]], dim=(0, 1), divisor=1.0
    )
)
def deviation(x: Tensor, *, dim: tuple[int, ...], divisor: float) -> Tensor:
    """The root of `variance`; where it is 0 the derivative is 0, as in torch."""
    mean, scale = _mean_square(x, dim, divisor)
    return torch.sqrt(mean) * scale


def _over(x: float, divisor: float) -> float:
    return x / divisor if divisor else math.inf


variance.defvjp(
    x=lambda g, x, dim, divisor: g * _over(2.0, divisor) * centred(x, dim=dim, dtype=torch.float64),
)
deviation.defvjp(
    x=lambda g, x, ans, dim, divisor: (
        g * _over(1.0, divisor) * (centred(x, dim=dim, dtype=torch.float64) / torch.where(ans == 0, math.inf, ans))
    ),
)


def _reduction(primitive: Any, x: Any, dim: Dims, unbiased: bool, keepdim: bool, correction: float | None) -> Any:
    if isinstance(dim, bool):  # torch also has var(x, unbiased)
        dim, unbiased = None, dim
    along = axes(dim, x.ndim)
    less = (1 if unbiased else 0) if correction is None else correction
    divisor = max(math.prod(x.shape[d] for d in along) - less, 0)
    kept = primitive(x, dim=along, divisor=float(divisor))
    return kept if keepdim else kept.squeeze(along)


@implements(torch.var, Tensor.var)
@in_float32
def var(
    x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """With `correction` the divisor is the count less it; otherwise 1 or, if not `unbiased`, 0."""
    return _reduction(variance, x, dim, unbiased, keepdim, correction)


@implements(torch.std, Tensor.std)
@in_float32
def std(
    x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The root of `var`, with the derivative 0 where it is 0, as in torch."""
    return _reduction(deviation, x, dim, unbiased, keepdim, correction)
