"""Kinks and jumps: what explains a derivative that differences along a line do not agree with.

Around a kink the slopes are of two kinds or more, however near one comes; where a function is smooth they grow alike.
So slopes are sampled around the point at several distances. A kink explains a derivative that lies between those
slopes at every distance, whatever convention chose it; and no kink explains another.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tape.verify.differences import Line, contracted, scales

__all__ = ["explained_by_a_bend", "explained_by_a_kink"]

_DISTANCES = tuple(2.0**-k for k in (9, 14, 19, 24, 29))
_STEP = 2.0**-6  # of the distance, so that few steps lead across the kink
_POINTS = 14
_ONE_SIDED = (-25 / 12, 4.0, -3.0, 4 / 3, -1 / 4)  # of fourth order, on five points to one side
_STEPS = tuple(2.0**-k for k in (8, 11, 14, 17, 20))
_EPSILON = torch.finfo(torch.float64).eps


def explained_by_a_kink(line: Line, rows: Tensor, got: Tensor, tolerance: float) -> str:
    """What kink explains the derivatives along a line that each row of cotangents has, in words; "" if none does."""
    generator = torch.Generator().manual_seed(0)
    shifts = [[_shift(x, generator) for x in line.inputs] for _ in range(_POINTS)]
    before = None
    seen = torch.zeros(rows.shape[1], dtype=torch.bool)
    low = high = torch.zeros(0)
    for distance in _DISTANCES:
        slopes, noise = _slopes_around(line, shifts, distance)
        least, most, several = _range(slopes, noise)
        change = (line.at(distance) - line.at(-distance)).abs()
        if before is not None:
            # A kink's slopes stay as far apart, and what a function jumps by stays as large.
            width, jump = before
            apart = torch.maximum(20 * noise, 1e-3 * torch.maximum(least.abs(), most.abs()))
            seen |= (most - least > apart) & (most - least > 0.5 * width)
            seen |= (change > 0.75 * jump) & (change > 100 * _EPSILON * line.at(0.0).abs() + 20 * line.noise)
        before = most - least, change
        # The sum of several kinks has more corners than are sampled.
        reach = torch.where(several, (most - least) / 2, 0.0) + 10 * noise
        reach = reach + tolerance * torch.maximum(least.abs(), most.abs())
        low = _weighted(rows, torch.where(rows < 0, most + reach, least - reach))
        high = _weighted(rows, torch.where(rows < 0, least - reach, most + reach))
        if not bool(((got >= low) & (got <= high)).all()):
            return ""
    if not bool(((rows != 0) & seen).any(1).all()):
        return ""
    return f"the slopes around it go from {float(low[0]):.3g} to {float(high[0]):.3g}, and it is {float(got[0]):.3g}"


def explained_by_a_bend(line: Line, rows: Tensor, got: Tensor, tolerance: float) -> str:
    """Whether the derivative is that of both sides, so that only the second derivative has a kink; "" if not.

    Differences to one side do not lead over it. The function's curvature has to differ between the sides.
    """
    open_rows = torch.ones(len(rows), dtype=torch.bool)
    for t in _STEPS:
        agrees = torch.ones(len(rows), dtype=torch.bool)
        noise = largest = torch.zeros(len(rows), dtype=torch.float64)
        curved = []
        for side in (t, -t):
            values = [line.at(n * side) for n in range(5)]
            size = torch.stack(values).abs().amax(0)
            slope = (
                contracted(rows, torch.stack([c * y for c, y in zip(_ONE_SIDED, values, strict=True)]).sum(0)) / side
            )
            rounding = 8 * contracted(rows.abs(), torch.fmax(_EPSILON * size, line.noise)) / t
            agrees &= (got - slope).abs() <= tolerance * slope.abs() + rounding
            noise = torch.maximum(noise, rounding)
            largest = torch.maximum(largest, contracted(rows.abs(), (values[1] - values[0]).abs()) / t)
            curved.append(contracted(rows, values[2] - 2 * values[1] + values[0]) / t**2)
        agrees &= noise <= 1e-4 * largest
        apart = (curved[0] - curved[1]).abs()
        open_rows &= ~(agrees & (apart > 0.01 * torch.maximum(curved[0].abs(), curved[1].abs())))
    if bool(open_rows.any()):
        return ""
    return f"the second derivative differs between its sides, and the derivative is {float(got[0]):.3g} on both"


def _shift(x: Tensor, generator: torch.Generator) -> Tensor:
    """A random direction in which every entry moves by more than a step."""
    drawn = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    return (drawn + 0.25 * drawn.sign()) * scales(x)


def _slopes_around(line: Line, shifts: Sequence[Sequence[Tensor]], distance: float) -> tuple[Tensor, Tensor]:
    """The slopes of each output at points at a distance, and what rounding may make them wrong by."""
    step = distance * _STEP
    back = [None if d is None else -d for d in line.direction]
    slopes, size = [], line.at(0.0).abs()
    for shift in (line.direction, back, *shifts):
        point = [x if s is None else x + distance * s for x, s in zip(line.inputs, shift, strict=True)]
        there = Line(line.f, point, line.direction)
        after, before = there.at(step), there.at(-step)
        slopes.append((after - before) / (2 * step))
        size = torch.fmax(size, torch.fmax(after.abs(), before.abs()))
    table = torch.stack(slopes)
    finite = torch.where(table.isfinite(), table, 0.0)
    return table, (torch.fmax(2 * _EPSILON * size, line.noise) + 2 * _EPSILON * finite.abs().amax(0)) / step


def _range(slopes: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The least and the greatest slope, and whether there are more than two kinds; what is not finite tells nothing."""
    finite = slopes.isfinite()
    least = torch.where(finite, slopes, torch.inf).amin(0)
    most = torch.where(finite, slopes, -torch.inf).amax(0)
    near = 10 * noise + 0.05 * (most - least)
    several = (finite & (slopes > least + near) & (slopes < most - near)).any(0)
    return least, most, several


def _weighted(rows: Tensor, values: Tensor) -> Tensor:
    return torch.where(rows == 0, 0.0, rows * values).sum(1)
