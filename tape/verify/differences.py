"""Derivatives by differences in float64, the judge of every rule, at any scale of the numbers.

A step is a share of the numbers that it moves, a power of 2, so that the sum with a number is exact. Each difference
is the central one of fourth order, on points at distance t and 2t. What it may be wrong by comes from itself: the
rounding of the function's values over t, and the distance between the estimates of second and of fourth order.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape.verify.rounded import scatter

__all__ = [
    "LADDER",
    "QUICK",
    "LinAlgError",
    "Line",
    "Slopes",
    "contracted",
    "difference",
    "flat",
    "inner",
    "scales",
    "signs",
]

# With four points, the first is some 1e-13 from the derivative of a function that is smooth at this scale.
QUICK = (2.0**-10, 2.0**-13)
LADDER = tuple(2.0**-k for k in range(2, 46, 3))
_EPSILON = torch.finfo(torch.float64).eps
LinAlgError: type[Exception] = torch.linalg.LinAlgError  # type: ignore[attr-defined]
_SMALLEST = 2.0**-1074  # rounding is no share of a number where numbers are that small
_NOISE_STEPS = tuple(2.0**-k for k in range(20, 35, 3))
_BESIDE = 2.0**-16 * 1.37


class Slopes(NamedTuple):
    """Of each output along a line, at one step: the derivative and what it may be wrong by."""

    central: Tensor
    truncation: Tensor
    noise: Tensor


class Line:
    """A function's floating-point outputs, as one flat tensor, along one direction through its inputs.

    >>> line = Line(lambda x: [x**3], [torch.tensor([2.0], dtype=torch.float64)], [torch.ones(1)])
    >>> round(float(line.slopes(QUICK[0]).central), 9)
    12.0
    """

    def __init__(
        self, f: Callable[..., Sequence[Any]], inputs: Sequence[Tensor], direction: Sequence[Tensor | None]
    ) -> None:
        self.f = f
        self.inputs = inputs
        self.direction = direction
        self.known: dict[float, Tensor] = {}

    def at(self, t: float) -> Tensor:
        if t not in self.known:
            try:
                self.known[t] = flat(self.f(*self._moved(t)))
            except LinAlgError:
                if t == 0:
                    raise
                self.known[t] = torch.full_like(self.at(0.0), torch.nan)
        return self.known[t]

    def _moved(self, t: float) -> list[Tensor]:
        return [x if d is None else x + t * d for x, d in zip(self.inputs, self.direction, strict=True)]

    def central(self, t: float) -> tuple[Tensor, Tensor, Tensor]:
        """The difference of fourth order, that of second order, and the rounding of the values over the step."""
        after, before, far, farther = (self.at(by) for by in (t, -t, 2 * t, -2 * t))
        near, wide = (after - before) / (2 * t), (far - farther) / (4 * t)
        best = near + (near - wide) / 3
        size = torch.maximum(torch.maximum(after.abs(), before.abs()), torch.maximum(far.abs(), farther.abs()))
        return best, near, (2 * _EPSILON * (size + self.rounded * best.abs()) + _SMALLEST) / t

    def slopes(self, t: float) -> Slopes:
        """All that one step tells; it asks for the noise of the function's values."""
        best, near, rounding = self.central(t)
        return Slopes(best, (best - near).abs(), torch.maximum(rounding, self.noise / t))

    @cached_property
    def rounded(self) -> float:
        """The largest number that moves over its step: what rounding takes of the step itself."""
        moving = [(x, d) for x, d in zip(self.inputs, self.direction, strict=True) if d is not None]
        return max((float((x / d).abs().nan_to_num(0.0, 0.0).max()) for x, d in moving if d.numel()), default=0.0)

    @cached_property
    def noise(self) -> Tensor:
        """How much the values scatter: what fourth differences are where the function itself has none.

        They shrink with the step where the function is smooth, and beside a kink; noise does not. So nearly the
        smallest over several steps is noise; none at all says only that the step was lost in rounding. They are taken
        beside the point, because at a jump they do not shrink either.
        """
        seen = torch.fmin(self._scatter(_BESIDE), self._scatter(-_BESIDE))
        return torch.fmax(seen, torch.fmin(self._rounding(_BESIDE), self._rounding(-_BESIDE)))

    def _rounding(self, where: float) -> Tensor:
        """What rounding of the steps inside the function makes of its values, seen or not in their size."""
        moved = self._moved(where)
        try:
            changes = scatter(lambda: self.f(*moved), _EPSILON)
        except LinAlgError:
            return torch.full_like(self.at(0.0), torch.nan)
        return flat([change.where(change.isfinite(), 0.0) for change in changes if change is not None])

    def _scatter(self, where: float) -> Tensor:
        middle = self.at(where)
        fourth = []
        for t in _NOISE_STEPS:
            far = (self.at(where + 2 * t) - middle) + (self.at(where - 2 * t) - middle)
            near = (self.at(where + t) - middle) + (self.at(where - t) - middle)
            fourth.append(((far - 4 * near) / 8).abs())
        table = torch.stack(fourth)
        nearly = torch.where(table > 0, table, torch.inf).sort(0).values[1]
        return torch.where(nearly.isfinite(), nearly, 0.0)


def scales(x: Tensor, least: float = 0.0) -> Tensor:
    """The size of each entry as a power of 2; that of the largest where an entry is 0, and not below `least` of it.

    >>> scales(torch.tensor([3.0, 0.0, -0.1])), scales(torch.zeros(2))
    (tensor([2.0000, 2.0000, 0.0625]), tensor([1., 1.]))
    """
    size = x.detach().abs()
    size = torch.where(size.isfinite(), size, 1.0)
    largest = size.max() if size.numel() else size.new_ones(())
    largest = largest if largest > 0 else largest + 1
    size = torch.where(size > 0, size, largest).clamp(min=least * float(largest))
    return (size / torch.frexp(size).mantissa / 2).contiguous()


def flat(values: Sequence[Any]) -> Tensor:
    """All floating-point numbers in one row."""
    rows = [x.reshape(-1) for x in values if isinstance(x, Tensor) and x.is_floating_point()]
    return torch.cat(rows) if rows else torch.zeros(0, dtype=torch.float64)


def contracted(rows: Tensor, values: Tensor) -> Tensor:
    """The product of a matrix and a vector, in which 0 times infinity is 0: what is not asked about does not count."""
    if bool(values.isfinite().all()):
        return rows @ values
    return torch.where(rows == 0, 0.0, rows * values).sum(-1)


def difference(
    f: Callable[..., Sequence[Any]], inputs: Sequence[Tensor], direction: Sequence[Tensor], step: float
) -> Tensor:
    """The derivative of `f`'s floating-point outputs, as one row, along a direction."""
    return Line(f, inputs, direction).central(step)[0]


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
